import type { MeasureFeatures } from '../../protocol/measure';
import { INCEPTION_KEY } from '../../state/measure/controller';
import { useExtras, useMeasuring } from '../../state/measure/use-measuring';
import { useStepShare } from '../../state/react';
import { FileButton } from '../../ui/FileButton';
import { formatBytes } from '../../ui/format';
import { Note } from '../../ui/Note';
import { Radio } from './Radio';

/** Where the file is; the address can be copied, and this page does not ask for it. */
const INCEPTION_ADDRESS =
  'https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth';

const CHOICES: readonly { value: MeasureFeatures; title: string; about: string }[] = [
  { value: 'inception', title: 'Inception v3', about: 'For FID, KID and the Inception score' },
  { value: 'resnet56', title: 'ResNet-56', about: 'Comes with the page, the fastest; not an FID' },
  { value: 'lite0', title: 'EfficientNet-Lite0', about: 'Comes with the page; not an FID' },
  { value: 'mobilenet', title: 'MobileNetV1', about: 'Comes with the page; not an FID' },
];

interface Props {
  features: MeasureFeatures;
  onFeatures: (features: MeasureFeatures) => void;
}

/** What images are compared by. FID and KID are names of numbers on Inception's features, whose file a person brings. */
export function FeaturesChoice({ features, onFeatures }: Props) {
  const { inception, files } = useExtras((s) => ({ inception: s.inception, files: s.files }));
  const here =
    inception === 'kept'
      ? `On this device, ${formatBytes(files?.inception ?? 0)}`
      : inception && `${inception.name}, until the page closes`;
  return (
    <fieldset className="measure-choice">
      <legend>Features</legend>
      {CHOICES.map(({ value, title, about }) => (
        <Radio
          key={value}
          group="features"
          title={title}
          about={value === 'inception' && here ? here : about}
          checked={features === value}
          onChoose={() => onFeatures(value)}
        />
      ))}
      {features === 'inception' && <InceptionFile />}
    </fieldset>
  );
}

/** The file is asked for where it is chosen. */
function InceptionFile() {
  const measuring = useMeasuring();
  const { inception, error } = useExtras((s) => ({ inception: s.inception, error: s.filesError }));
  const copied = useStepShare(INCEPTION_KEY);
  return (
    <>
      {error && <Note tone="error">{error}</Note>}
      {inception === null ? (
        <Note
          tone="warn"
          actions={
            <FileButton
              label="Open the Inception file"
              accept=".pth,.pkl,.safetensors"
              onFiles={([file]) => file && measuring.openInception(file)}
            />
          }
        >
          <strong>Its file is needed, 96 MB.</strong> Download{' '}
          <a href={INCEPTION_ADDRESS} rel="noreferrer" target="_blank">
            pt_inception-2015-12-05-6726825d.pth
          </a>{' '}
          from github.com, then open it. It is read as data, on this machine.
        </Note>
      ) : (
        inception !== 'kept' && (
          <button
            type="button"
            className="button"
            disabled={copied !== null}
            onClick={() => void measuring.keepInception()}
          >
            {copied === null
              ? `Keep it on this device, ${formatBytes(inception.size)}`
              : `Copying, ${Math.round(100 * copied)} %`}
          </button>
        )
      )}
    </>
  );
}
