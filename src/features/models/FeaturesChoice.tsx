import type { MeasureFeatures } from '../../protocol/measure';
import { FileButton } from '../../ui/FileButton';

const NAMES: Readonly<Record<MeasureFeatures, string>> = {
  resnet56: 'ResNet-56',
  lite0: 'EfficientNet-Lite0',
  mobilenet: 'MobileNetV1',
  inception: 'Inception-v3, for FID',
};

/** Whose page it is, in words; the address can be copied, and this page does not ask for it. */
const INCEPTION_ADDRESS =
  'https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth';

interface Props {
  features: MeasureFeatures;
  /** Inception's weights, once they were opened. */
  inception: File | null;
  onFeatures: (features: MeasureFeatures) => void;
  onInception: (file: File) => void;
}

/** What images are compared by. FID and KID are names of numbers on Inception's features, whose file a person brings. */
export function FeaturesChoice({ features, inception, onFeatures, onInception }: Props) {
  return (
    <>
      <div className="field">
        <span>Features</span>
        <select
          className="select"
          aria-label="Features"
          value={features}
          onChange={(event) => onFeatures(event.currentTarget.value as MeasureFeatures)}
        >
          {(Object.keys(NAMES) as MeasureFeatures[]).map((name) => (
            <option key={name} value={name}>
              {NAMES[name]}
            </option>
          ))}
        </select>
      </div>
      {features === 'inception' && (
        <>
          <p className="secondary">
            {inception
              ? `${inception.name} is read on this machine.`
              : 'FID, KID and the Inception score need the network’s weights, 96 MB. Download them and open the file: '}
            {!inception && (
              <a href={INCEPTION_ADDRESS} rel="noreferrer" target="_blank">
                pt_inception-2015-12-05-6726825d.pth
              </a>
            )}
          </p>
          <FileButton
            label="Open the Inception file"
            accept=".pth,.pkl,.safetensors"
            onFiles={(files) => files[0] && onInception(files[0])}
          />
        </>
      )}
    </>
  );
}
