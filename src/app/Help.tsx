import { type ReactNode, useState } from 'react';
import { type Action, GROUPS } from '../state/actions/action';
import { keysOf } from '../state/actions/shortcut';
import { useApp } from '../state/react';
import { Dialog } from '../ui/Dialog';
import { Keys } from '../ui/Keys';
import './help.css';
import { searchActions } from './palette/search';

/** Keys that belong to a place on the page. */
const ELSEWHERE: [keys: string[], what: string][] = [
  [['Arrows'], 'In the grid: select another image'],
  [['Arrows'], 'On a slider: one step, or ten with Shift'],
  [['Alt', 'Arrows'], 'On Seed: a hundredth, which blends two neighbours'],
  [['Shift', 'Drag'], 'The same, with the pointer'],
  [['Double click'], 'On a slider: back to its default'],
  [['Rest'], 'On an image: a mouse magnifies it, a finger pins it'],
  [['Pinch'], 'On images: larger or smaller'],
];

/** What the page is about, in the words a newcomer needs, and the keys. */
export default function Help({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="About Innate" full onClose={onClose}>
      <div className="help">
        <p>
          Innate makes images with neural networks on your own device. No image or file leaves it, and no
          other site is asked for anything unless you press Download. It follows the paper{' '}
          <Away to="https://arxiv.org/abs/2405.20750">Diffusion Models Are Innate One-Step Generators</Away>{' '}
          (Zheng and Yang).
        </p>
        <dl className="terms">
          <Term name="One step">
            A diffusion model removes noise from an image little by little, in dozens of passes through its
            network. A one-step generator turns noise into an image in a single pass, and so makes it in an
            instant.
          </Term>
          <Term name="Teacher and student">
            The teacher is a diffusion model. The student starts as a copy of it and learns to do the same in
            one step. In the Distil tab you can train a student yourself.
          </Term>
          <Term name="GDD and GDD-I">
            In GDD, a second network learns to tell real images from the student’s, and the student learns to
            deceive it. GDD-I does this with most of the student’s layers kept as the teacher had them. That
            it works shows that the teacher could nearly do it already: the ability is innate.
          </Term>
          <Term name="Seed">
            The number that decides the noise an image starts from. The same seed gives the same image; a
            fraction blends two neighbours.
          </Term>
          <Term name="Sigma">
            The strength of the noise. At 80 an image is all noise; near 0 it is clean. Start sigma is where a
            generator begins.
          </Term>
          <Term name="Layers">
            The Layers tab shows what each part of a network does at each sigma, and what happens without it.
          </Term>
        </dl>
        <Actions />
        <p className="caption">
          Innate is free software under the MIT licence. It contains work of others:{' '}
          <Away to="./THIRD-PARTY-NOTICES.txt">third-party notices</Away>.
        </p>
      </div>
    </Dialog>
  );
}

/** Everything that can be done, with its key where it has one. */
function Actions() {
  const { actions } = useApp();
  const [text, setText] = useState('');
  const searched = text.trim() !== '';
  const shown = searched ? searchActions(text, actions.actions).map(({ action }) => action) : null;
  return (
    <section className="help-actions" aria-labelledby="help-actions">
      <h3 id="help-actions">Actions and keys</h3>
      <input
        className="select"
        type="search"
        aria-label="Search actions and keys"
        placeholder="Search"
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
      />
      {shown ? (
        <>
          <ActionList actions={shown} />
          {shown.length === 0 && <p className="caption">No action is called that.</p>}
        </>
      ) : (
        <>
          {GROUPS.map((group) => (
            <Group key={group} name={group} actions={actions.actions.filter((a) => a.group === group)} />
          ))}
          <h4>Where the focus is</h4>
          <dl className="shortcuts">
            {ELSEWHERE.map(([keys, what]) => (
              <div key={what}>
                <dt>{what}</dt>
                <dd>
                  <Keys keys={keys} />
                </dd>
              </div>
            ))}
          </dl>
        </>
      )}
    </section>
  );
}

function Group({ name, actions }: { name: string; actions: readonly Action[] }) {
  if (actions.length === 0) return null;
  return (
    <>
      <h4>{name}</h4>
      <ActionList actions={actions} />
    </>
  );
}

const ActionList = ({ actions }: { actions: readonly Action[] }) => (
  <dl className="shortcuts">
    {actions.map(({ id, name, shortcut }) => (
      <div key={id}>
        <dt>{name}</dt>
        <dd>{shortcut && <Keys keys={keysOf(shortcut)} />}</dd>
      </div>
    ))}
  </dl>
);

function Term({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

const Away = ({ to, children }: { to: string; children: ReactNode }) => (
  <a href={to} target="_blank" rel="noreferrer">
    {children}
  </a>
);
