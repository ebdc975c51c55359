import { STUDENT_NFE } from '../../../distil/config';
import { useApp } from '../../../state/react';
import { formatNumber } from '../../../ui/format';
import { Segmented } from '../../../ui/Segmented';
import { useSetup } from '../use-setup';
import { NumberRow, ParamRow } from './ParamRow';

const TITLES = {
  1: 'One step: the network runs once for an image',
  2: 'Two steps: it runs again on the way from noise to the first image. Training takes about twice as long',
} as const;

const ONE_STEP_ONLY = 'Consistency distillation learns every noise level: its student has one step';

/** In how many steps the student makes an image, and where the second one is. */
export function StudentSteps() {
  const { controller } = useApp();
  const { config, base } = useSetup();
  return (
    <>
      <ParamRow
        label="Student’s steps"
        range="passes for an image"
        changed={config.nfe !== base.nfe}
        onReset={() => controller.distil.configure({ nfe: base.nfe })}
      >
        <Segmented
          label="Student’s steps"
          value={String(config.nfe)}
          options={STUDENT_NFE.map((nfe) => ({
            value: String(nfe),
            label: String(nfe),
            title: nfe === 2 && config.method === 'cd' ? ONE_STEP_ONLY : TITLES[nfe],
            disabled: nfe === 2 && config.method === 'cd',
          }))}
          onChange={(value) => controller.distil.configure({ nfe: value === '2' ? 2 : 1 })}
        />
      </ParamRow>
      {config.nfe === 2 && (
        <NumberRow
          label="Second sigma"
          range={`below ${formatNumber(config.startSigma)}`}
          value={config.sigmaMid}
          usual={base.sigmaMid}
          min={0.01}
          max={200}
          format={formatNumber}
          onChange={(sigmaMid) => controller.distil.configure({ sigmaMid })}
        />
      )}
    </>
  );
}
