import type { PaperFile, PaperFileChecks } from '../../../protocol/paper-files';
import { type GivenFile, NETWORK_NAMES } from '../../../state/distil/paper-files';
import { useApp } from '../../../state/react';
import { FileButton } from '../../../ui/FileButton';
import { formatWhole } from '../../../ui/format';
import { Note } from '../../../ui/Note';
import { useSetup } from '../use-setup';
import { ParamRow } from './ParamRow';

interface Words {
  label: string;
  button: string;
  about: string;
  accept: string;
}

const WORDS: Record<PaperFile, Words> = {
  secondFeatures: {
    label: 'Second features',
    button: 'Choose a network',
    about:
      'The paper looks through two networks. VGG16-BN (torchvision) and DeiT-B distilled (timm) are too large to come with the page: give a file of one. Without it EfficientNet-Lite0 judges alone.',
    accept: '.pth,.pt,.bin,.safetensors',
  },
  classTable: {
    label: 'Class embeddings',
    button: 'Choose a table',
    about:
      'Where the heads’ classes begin: a matrix with a row for each, as tf_efficientnet_lite0.pkl of the published code. Without it they begin at random.',
    accept: '.pkl,.pth,.pt,.safetensors',
  },
};

/** The files of the published method, where a preset of the paper is chosen. */
export function PaperFileRows() {
  const { wanted, given } = useSetup();
  if (wanted.length === 0) return null;
  return (
    <>
      {wanted.map((kind) => (
        <PaperFileRow key={kind} kind={kind} given={given[kind]} />
      ))}
    </>
  );
}

function PaperFileRow({ kind, given }: { kind: PaperFile; given: GivenFile | null }) {
  const { controller } = useApp();
  const { label, button, about, accept } = WORDS[kind];
  const take = (file: File | null) => controller.distil.takePaperFile(kind, file);
  return (
    <div className="paper-file">
      <ParamRow label={label} changed={given !== null} onReset={() => take(null)}>
        <FileButton label={button} accept={accept} onFiles={([file]) => file && take(file)} />
      </ParamRow>
      {given?.error ? (
        <Note tone="error">{given.error}</Note>
      ) : (
        <p className="caption" role={given ? 'status' : undefined}>
          {given ? whatItIs(given) : about}
        </p>
      )}
    </div>
  );
}

function whatItIs({ file, check }: GivenFile): string {
  if (!check) return `Looking at ${file.name}`;
  return 'network' in check ? `${NETWORK_NAMES[check.network]}, ${file.name}` : tableWords(check, file);
}

const tableWords = ({ rows, dim }: PaperFileChecks['classTable'], { name }: File): string =>
  `${formatWhole(rows)} classes, ${formatWhole(dim)} values each, ${name}`;
