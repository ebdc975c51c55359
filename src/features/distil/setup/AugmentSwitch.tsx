import { FEW_IMAGES, fewImages } from '../../../state/distil/setup';
import { useApp } from '../../../state/react';
import { formatWhole } from '../../../ui/format';
import { useSetup } from '../use-setup';

/** DiffAugment, off until it is asked for. */
export function AugmentSwitch() {
  const { controller } = useApp();
  const { config } = useSetup();
  return (
    <label className="check">
      <input
        type="checkbox"
        checked={config.diffAugment}
        onChange={(event) => controller.distil.configure({ diffAugment: event.currentTarget.checked })}
      />
      DiffAugment
    </label>
  );
}

/** The switch with its reason, beside a person's images where those are few. */
export function AugmentOffer() {
  const few = fewImages(useSetup());
  if (few === null) return null;
  return (
    <div className="augment-offer">
      <AugmentSwitch />
      <p className="caption">
        You have {formatWhole(few)} images. A discriminator can learn fewer than {formatWhole(FEW_IMAGES)} by
        heart. This shows it every image, real or generated, shifted, recoloured and with a square cut out.
      </p>
    </div>
  );
}
