import { useApp, useView } from '../../state/react';
import { Segmented } from '../../ui/Segmented';

/** Images of one model, or rows of several. */
export function ModeSwitch() {
  const { controller } = useApp();
  const compare = useView((v) => v.compare);
  return (
    <div className="mode-switch">
      <Segmented
        label="What is shown"
        value={compare ? 'compare' : 'one'}
        options={[
          { value: 'one', label: 'One model' },
          { value: 'compare', label: 'Compare', title: 'Several models side by side, from the same noise' },
        ]}
        onChange={(value) => controller.compare.show(value === 'compare')}
      />
    </div>
  );
}
