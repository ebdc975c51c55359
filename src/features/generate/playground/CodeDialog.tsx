import { Copy } from 'lucide-react';
import { useStore } from 'zustand';
import { imageCode } from '../../../state/export/code';
import { useApp, useModel, useView } from '../../../state/react';
import { copyText } from '../../../ui/copy-text';
import { Dialog } from '../../../ui/Dialog';
import './code.css';

/** The selected image as the command line and PyTorch make it. */
export function CodeDialog({ onClose }: { onClose: () => void }) {
  const { stores } = useApp();
  const model = useModel();
  const place = useView((v) => v.selected);
  const image = useStore(stores.images, (s) => s.images[place] ?? null);
  const code = image && model ? imageCode(image.recipe, model) : null;
  return (
    <Dialog title="Code for this" full onClose={onClose}>
      <div className="code-dialog">
        {code?.commandLine && code.python ? (
          <>
            <Block name="Command line" text={code.commandLine} />
            <Block name="PyTorch" text={code.python} />
            <p className="caption">{code.needs} The same noise, the same image.</p>
          </>
        ) : (
          <p>
            The noise of this image was brought or painted, so no seed says it. The command line takes a file
            of noise with --latent.
          </p>
        )}
      </div>
    </Dialog>
  );
}

function Block({ name, text }: { name: string; text: string }) {
  const { announce } = useApp();
  return (
    <section aria-label={name}>
      <div className="code-head">
        <h3>{name}</h3>
        <button
          type="button"
          className="icon-button"
          aria-label={`Copy ${name}`}
          title={`Copy ${name}`}
          onClick={async () =>
            announce((await copyText(text)) ? `${name} copied` : 'The browser did not allow copying')
          }
        >
          <Copy aria-hidden />
        </button>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: keys scroll it */}
      <pre tabIndex={0}>{text}</pre>
    </section>
  );
}
