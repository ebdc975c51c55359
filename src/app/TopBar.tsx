import { CircleQuestionMark, Contrast, Link2, Search } from 'lucide-react';
import type { KeyboardEvent, ReactNode, RefObject } from 'react';
import { ariaKeys, keysOf } from '../state/actions/shortcut';
import { TABS, type Tab } from '../state/generate/view';
import { useAction, useApp, useView } from '../state/react';
import { TAB_NAMES } from './actions/page';
import { OpenCheckpoint } from './OpenCheckpoint';

interface Props {
  fileInput: RefObject<HTMLInputElement | null>;
}

export function TopBar({ fileInput }: Props) {
  return (
    <header className="top-bar">
      <p className="brand">
        <Mark />
        Innate
      </p>
      <Tabs />
      <div className="top-tools">
        <OpenCheckpoint input={fileInput} />
        <Tool id="link">
          <Link2 aria-hidden />
        </Tool>
        <Tool id="palette">
          <Search aria-hidden />
        </Tool>
        <Tool id="help" label="Help">
          <CircleQuestionMark aria-hidden />
        </Tool>
        <Tool id="theme" label="Switch theme">
          <Contrast aria-hidden />
        </Tool>
      </div>
    </header>
  );
}

/** The button of an action; `label` where its name is long. */
function Tool({ id, label, children }: { id: string; label?: string; children: ReactNode }) {
  const { action, perform } = useAction(id);
  const { name, shortcut } = action;
  return (
    <button
      type="button"
      className="icon-button"
      aria-label={label ?? name}
      aria-keyshortcuts={shortcut && ariaKeys(shortcut)}
      title={shortcut ? `${label ?? name} (${keysOf(shortcut).join(' ')})` : (label ?? name)}
      onClick={perform}
    >
      {children}
    </button>
  );
}

/** One step, in the colour of the student, beside many. */
function Mark() {
  return (
    <svg className="mark" viewBox="0 0 26 18" aria-hidden="true">
      <rect className="one" x="0" y="0" width="3" height="18" />
      {[6, 9, 12, 15, 18, 21, 24].map((x) => (
        <rect key={x} className="many" x={x} y="12" width="1" height="6" />
      ))}
    </svg>
  );
}

/** Automatic activation: showing a tab costs nothing. One tab stop, arrow keys between tabs. */
function Tabs() {
  const { stores } = useApp();
  const current = useView((v) => v.tab);
  const go = (tab: Tab) => stores.view.setState({ tab });
  const onKeyDown = (event: KeyboardEvent) => {
    const at = TABS.indexOf(current);
    const targets: Record<string, number> = {
      ArrowRight: at + 1,
      ArrowLeft: at - 1,
      Home: 0,
      End: TABS.length - 1,
    };
    const to = targets[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const tab = TABS[(to + TABS.length) % TABS.length]!;
    go(tab);
    document.getElementById(`tab-${tab}`)?.focus();
  };
  return (
    <div className="tabs" role="tablist" aria-label="Views" onKeyDown={onKeyDown} tabIndex={-1}>
      {TABS.map((tab) => (
        <button
          key={tab}
          type="button"
          role="tab"
          id={`tab-${tab}`}
          aria-selected={tab === current}
          aria-controls={tab === current ? `panel-${tab}` : undefined}
          tabIndex={tab === current ? 0 : -1}
          onClick={() => go(tab)}
        >
          {TAB_NAMES[tab]}
        </button>
      ))}
    </div>
  );
}
