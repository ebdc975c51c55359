import { ChevronDown } from 'lucide-react';
import { Fragment, type KeyboardEvent, type ReactNode, useId, useRef, useState } from 'react';
import './Menu.css';

export interface MenuItem {
  id: string;
  name: string;
  /** A few words at the right end. */
  note?: string;
  /** Why it cannot be chosen now; null or absent = it can. */
  obstacle?: string | null;
  onChoose: () => void;
}

interface Props {
  label: string;
  icon: ReactNode;
  /** Groups of items, parted by lines. */
  groups: readonly (readonly MenuItem[])[];
  /** Called when the menu is opened. */
  onOpen?: () => void;
}

/** Room between the menu and the edges of the screen. */
const EDGE = 8;

/**
 * A button that opens a menu over the page. Arrow keys, Home and End move, letters find, Escape closes; what cannot be
 * chosen now stays in its place, and says why.
 */
export function Menu({ label, icon, groups, onOpen }: Props) {
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const [open, setOpen] = useState(false);

  const items = () => [...(list.current?.querySelectorAll<HTMLElement>('[role="menuitem"]') ?? [])];
  const place = () => {
    const menu = list.current!;
    const { bottom, right } = button.current!.getBoundingClientRect();
    menu.style.top = `${Math.min(bottom + 4, innerHeight - menu.offsetHeight - EDGE)}px`;
    menu.style.left = `${Math.max(EDGE, Math.min(right, innerWidth - EDGE) - menu.offsetWidth)}px`;
  };

  const onKeyDown = (event: KeyboardEvent) => {
    event.stopPropagation(); // the page's own keys wait until the menu is closed
    const all = items();
    const at = all.indexOf(document.activeElement as HTMLElement);
    const moves: Record<string, number> = {
      ArrowDown: (at + 1) % all.length,
      ArrowUp: (at + all.length - 1) % all.length,
      Home: 0,
      End: all.length - 1,
    };
    const letter = event.key.length === 1 ? event.key.toLowerCase() : null;
    const found = all.findIndex(
      (_, i) => letter !== null && named(all[(at + 1 + i) % all.length]!).startsWith(letter),
    );
    const next = moves[event.key] ?? (found < 0 ? undefined : (at + 1 + found) % all.length);
    if (event.key === 'Tab') list.current?.hidePopover();
    if (next === undefined) return;
    event.preventDefault();
    all[next]?.focus();
  };

  return (
    <>
      <button
        ref={button}
        type="button"
        className="button menu-button"
        aria-haspopup="menu"
        aria-expanded={open}
        aria-controls={id}
        popoverTarget={id}
      >
        {icon}
        {label}
        <ChevronDown aria-hidden />
      </button>
      <div
        ref={list}
        id={id}
        popover="auto"
        role="menu"
        aria-label={label}
        className="menu"
        onKeyDown={onKeyDown}
        onBeforeToggle={(event) => event.newState === 'open' && onOpen?.()}
        onToggle={(event) => {
          const opened = event.newState === 'open';
          setOpen(opened);
          if (!opened) return;
          place();
          items()[0]?.focus();
        }}
      >
        {groups.map((group, i) => (
          <Fragment key={group[0]?.id}>
            {i > 0 && <hr />}
            {group.map((item) => (
              <Item key={item.id} item={item} onDone={() => list.current?.hidePopover()} />
            ))}
          </Fragment>
        ))}
      </div>
    </>
  );
}

const named = (element: HTMLElement): string => element.textContent?.trim().toLowerCase() ?? '';

function Item({
  item: { name, note, obstacle = null, onChoose },
  onDone,
}: {
  item: MenuItem;
  onDone: () => void;
}) {
  return (
    <button
      type="button"
      role="menuitem"
      tabIndex={-1}
      aria-disabled={obstacle !== null}
      title={obstacle ?? undefined}
      onClick={() => {
        if (obstacle !== null) return;
        onDone();
        onChoose();
      }}
    >
      <span>{name}</span>
      <span className="caption">{obstacle ?? note}</span>
    </button>
  );
}
