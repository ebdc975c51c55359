import { type KeyboardEvent, useEffect, useId, useMemo, useRef, useState } from 'react';
import { type Action, GROUPS } from '../../state/actions/action';
import { keysOf } from '../../state/actions/shortcut';
import { withRecent } from '../../state/prefs';
import { useApp, usePrefs } from '../../state/react';
import { Dialog } from '../../ui/Dialog';
import { Keys } from '../../ui/Keys';
import './palette.css';
import { type Found, searchActions } from './search';

/** An action as the list offers it. */
interface Offer extends Found {
  /** The heading that it begins; null = it stands under the one before. */
  heading: string | null;
  /** Why it cannot be done now; null = it can. */
  obstacle: string | null;
}

/**
 * Finds an action by its name and does it: a field with a list under it, as WAI-ARIA describes a combobox. Arrows move,
 * Enter does, Escape closes. What cannot be done now is listed with its reason.
 */
export default function Palette({ onClose }: { onClose: () => void }) {
  const { actions, stores } = useApp();
  const recent = usePrefs((p) => p.recent);
  const id = useId();
  const [text, setText] = useState('');
  const [active, setActive] = useState(0);
  const offers = useMemo<Offer[]>(() => {
    const all = actions.list().filter((action) => action.id !== 'palette');
    const obstacles = new Map(all.map((action) => [action, actions.obstacle(action)]));
    /** What can be done comes first. */
    const doableFirst = (list: readonly Action[]) => [
      ...list.filter((action) => obstacles.get(action) === null),
      ...list.filter((action) => obstacles.get(action) !== null),
    ];
    if (text.trim() === '')
      return withHeadings(all, recent, doableFirst).map((f) => ({
        ...f,
        obstacle: obstacles.get(f.action)!,
      }));
    const found = searchActions(text, all);
    const by = new Map(found.map((f) => [f.action, f]));
    return doableFirst([...by.keys()]).map((action) => ({
      ...by.get(action)!,
      heading: null,
      obstacle: obstacles.get(action)!,
    }));
  }, [actions, text, recent]);
  const at = Math.min(active, offers.length - 1);

  const take = (offer: Offer | undefined) => {
    if (!offer || offer.obstacle !== null) return;
    onClose(); // first: what the action shows must not be closed with the list
    stores.prefs.setState(({ recent: before }) => ({ recent: withRecent(before, offer.action.id) }));
    void actions.perform(offer.action);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const to: Record<string, number> = {
      ArrowDown: at + 1 < offers.length ? at + 1 : 0,
      ArrowUp: at > 0 ? at - 1 : offers.length - 1,
      PageDown: Math.min(offers.length - 1, at + 8),
      PageUp: Math.max(0, at - 8),
    };
    if (to[event.key] !== undefined) setActive(to[event.key]!);
    else if (event.key === 'Enter') take(offers[at]);
    else return;
    event.preventDefault();
  };

  return (
    <Dialog title="Find an action" full onClose={onClose}>
      <div className="palette">
        <input
          className="select palette-field"
          type="text"
          role="combobox"
          aria-label="Find an action"
          aria-expanded={true}
          aria-controls={`${id}-list`}
          aria-autocomplete="list"
          aria-activedescendant={offers.length > 0 ? `${id}-${at}` : undefined}
          autoComplete="off"
          spellCheck={false}
          placeholder="What do you want to do?"
          data-autofocus
          value={text}
          onChange={(event) => {
            setText(event.currentTarget.value);
            setActive(0);
          }}
          onKeyDown={onKeyDown}
        />
        {/* biome-ignore lint/a11y/useKeyWithClickEvents: the field has the focus and the keys */}
        <div
          id={`${id}-list`}
          className="palette-list"
          role="listbox"
          aria-label="Actions"
          tabIndex={-1}
          hidden={offers.length === 0}
          onPointerDown={(event) => event.preventDefault()} // the focus stays in the field
          onClick={(event) => {
            const chosen = (event.target as Element).closest<HTMLElement>('[role="option"]')?.dataset.at;
            if (chosen !== undefined) take(offers[Number(chosen)]);
          }}
        >
          {offers.map((offer, i) => (
            <Entry key={offer.action.id} id={`${id}-${i}`} at={i} offer={offer} active={i === at} />
          ))}
        </div>
        {offers.length === 0 && <p className="caption">No action is called that.</p>}
        <span aria-live="polite" className="hidden-text">
          {text && `${offers.length} found`}
        </span>
      </div>
    </Dialog>
  );
}

/** All actions by group, what was last used before them; `ordered` within a group. */
function withHeadings(
  all: readonly Action[],
  recent: readonly string[],
  ordered: (group: readonly Action[]) => readonly Action[],
): Omit<Offer, 'obstacle'>[] {
  const last = recent.flatMap((id) => all.find((action) => action.id === id) ?? []);
  const rest = all.filter((action) => !last.includes(action));
  const under = (heading: string, actions: readonly Action[]) =>
    actions.map((action, i) => ({ action, letters: [], heading: i === 0 ? heading : null }));
  return [
    ...under('Last used', last),
    ...GROUPS.flatMap((group) => under(group, ordered(rest.filter((action) => action.group === group)))),
  ];
}

function Entry({ id, at, offer, active }: { id: string; at: number; offer: Offer; active: boolean }) {
  const { action, letters, heading, obstacle } = offer;
  const element = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (active) element.current?.scrollIntoView?.({ block: 'nearest' });
  }, [active]);
  return (
    <>
      {heading !== null && (
        <p className="palette-heading" aria-hidden>
          {heading}
        </p>
      )}
      <div
        ref={element}
        id={id}
        data-at={at}
        role="option"
        tabIndex={-1}
        aria-selected={active}
        aria-disabled={obstacle !== null}
        className={active ? 'active' : undefined}
      >
        <span>
          <Marked text={action.name} letters={letters} />
          {obstacle !== null && <span className="caption palette-why"> {obstacle}</span>}
        </span>
        {action.shortcut && <Keys keys={keysOf(action.shortcut)} />}
      </div>
    </>
  );
}

/** A name with the letters that were searched for. */
function Marked({ text, letters }: { text: string; letters: readonly number[] }) {
  if (letters.length === 0) return text;
  const marked = new Set(letters);
  const runs: { text: string; hit: boolean; from: number }[] = [];
  for (const [i, letter] of [...text].entries()) {
    const hit = marked.has(i);
    const last = runs.at(-1);
    if (last?.hit === hit) last.text += letter;
    else runs.push({ text: letter, hit, from: i });
  }
  return runs.map(({ text: run, hit, from }) => (hit ? <b key={from}>{run}</b> : run));
}
