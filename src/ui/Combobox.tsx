import {
  type KeyboardEvent,
  memo,
  type ReactNode,
  useEffect,
  useId,
  useLayoutEffect,
  useRef,
  useState,
} from 'react';
import './Combobox.css';

export interface ComboboxOption {
  key: string;
  /** Before the name, dimmed: a number. */
  lead?: string;
  name: string;
  /** After the name, dimmed: what else it is called. */
  also?: string;
}

interface Props {
  label: string;
  /** What the field says while nobody types. */
  value: string;
  placeholder?: string;
  /** Key of the option that is chosen; null = none of them. */
  chosen: string | null;
  /** What to offer for a text; the first is what Enter takes. */
  search: (text: string) => readonly ComboboxOption[];
  onChoose: (key: string) => void;
  /** Said where nothing is offered. */
  none: (text: string) => string;
  className?: string;
}

const NOTHING: readonly ComboboxOption[] = [];

/**
 * A field that searches a long list: an editable combobox with a list box under it (WAI-ARIA's pattern). What is typed
 * filters, arrow keys move, Enter takes, Escape gives the old value back. The focus stays in the field; the list is in
 * the top layer, so that no scrolling panel cuts it.
 */
export function Combobox({ label, value, placeholder, chosen, search, onChoose, none, className }: Props) {
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  const [text, setText] = useState<string | null>(null);
  /** What is offered; null = the list is closed. */
  const [offered, setOffered] = useState<readonly ComboboxOption[] | null>(null);
  const [active, setActive] = useState(0);
  const open = offered !== null;
  const options = offered ?? NOTHING;

  const show = () => {
    if (open) return;
    const all = search('');
    setOffered(all);
    setActive(
      Math.max(
        0,
        all.findIndex((o) => o.key === chosen),
      ),
    );
  };
  const close = () => {
    setOffered(null);
    setText(null);
  };
  const take = (option: ComboboxOption | undefined) => {
    if (!option) return;
    onChoose(option.key);
    close();
  };
  const move = (by: number) => setActive(Math.min(options.length - 1, Math.max(0, active + by)));

  const onKeyDown = (event: KeyboardEvent<HTMLInputElement>) => {
    if (!open) {
      if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
      show();
    } else if (event.key === 'ArrowDown' && event.altKey) return;
    else if (event.key === 'ArrowUp' && event.altKey) close();
    else if (event.key === 'ArrowDown') move(1);
    else if (event.key === 'ArrowUp') move(-1);
    else if (event.key === 'PageDown') move(10);
    else if (event.key === 'PageUp') move(-10);
    else if (event.key === 'Enter') take(options[active]);
    else if (event.key === 'Escape') close();
    else return;
    event.preventDefault();
    event.stopPropagation(); // Escape must not close a dialog around it
  };

  return (
    <div className={className ? `combobox ${className}` : 'combobox'}>
      <input
        ref={input}
        className="select"
        type="text"
        role="combobox"
        aria-label={label}
        aria-expanded={open}
        aria-controls={`${id}-list`}
        aria-autocomplete="list"
        aria-activedescendant={options.length > 0 ? `${id}-${active}` : undefined}
        autoComplete="off"
        spellCheck={false}
        placeholder={placeholder}
        value={text ?? value}
        onFocus={(event) => event.currentTarget.select()}
        onClick={show}
        onChange={(event) => {
          setText(event.currentTarget.value);
          setOffered(search(event.currentTarget.value));
          setActive(0);
        }}
        onKeyDown={onKeyDown}
        onBlur={close}
      />
      <Popup anchor={input} open={open}>
        {open && options.length === 0 && <p className="combobox-none">{none(text ?? '')}</p>}
        {/* biome-ignore lint/a11y/useKeyWithClickEvents: the field has the focus and the keys */}
        <div
          id={`${id}-list`}
          role="listbox"
          aria-label={label}
          tabIndex={-1}
          hidden={options.length === 0}
          // The focus stays in the field, whose blur would close the list before the click.
          onPointerDown={(event) => event.preventDefault()}
          onClick={(event) => {
            const at = (event.target as Element).closest<HTMLElement>('[role="option"]')?.dataset.at;
            if (at !== undefined) take(options[Number(at)]);
          }}
        >
          {options.map((option, i) => (
            <Option
              key={option.key}
              id={id}
              at={i}
              option={option}
              active={i === active}
              chosen={option.key === chosen}
            />
          ))}
        </div>
      </Popup>
      <span aria-live="polite" className="hidden-text">
        {open && text !== null && (options.length === 0 ? none(text) : `${options.length} found`)}
      </span>
    </div>
  );
}

interface OptionProps {
  /** Of the combobox. */
  id: string;
  at: number;
  option: ComboboxOption;
  active: boolean;
  chosen: boolean;
}

/** Drawn again only where something of it changed: there may be a thousand. */
const Option = memo(function Option({ id, at, option, active, chosen }: OptionProps) {
  const element = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (active) element.current?.scrollIntoView?.({ block: 'nearest' });
  }, [active]);
  return (
    <div
      ref={element}
      id={`${id}-${at}`}
      data-at={at}
      role="option"
      tabIndex={-1}
      aria-selected={chosen}
      className={active ? 'active' : undefined}
    >
      {option.lead !== undefined && <span className="caption">{option.lead}</span>}
      <span>
        {option.name}
        {option.also && <span className="caption"> {option.also}</span>}
      </span>
    </div>
  );
});

/** Where the list is: under the field, or above it where there is more room. */
function Popup({
  anchor,
  open,
  children,
}: {
  anchor: { current: HTMLInputElement | null };
  open: boolean;
  children: ReactNode;
}) {
  const element = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const popup = element.current!;
    if (!open || !popup.showPopover) return;
    popup.showPopover();
    const place = () => {
      const field = anchor.current!.getBoundingClientRect();
      const below = innerHeight - field.bottom;
      const above = field.top > below && below < 260;
      const room = Math.max(120, Math.min(360, (above ? field.top : below) - 12));
      Object.assign(popup.style, {
        left: `${field.left}px`,
        width: `${field.width}px`,
        maxHeight: `${room}px`,
        top: above ? 'auto' : `${field.bottom + 2}px`,
        bottom: above ? `${innerHeight - field.top + 2}px` : 'auto',
      });
    };
    place();
    const ends = new AbortController();
    for (const type of ['scroll', 'resize'] as const)
      addEventListener(type, place, { capture: true, signal: ends.signal });
    return () => {
      ends.abort();
      if (popup.matches(':popover-open')) popup.hidePopover();
    };
  }, [open, anchor]);
  return (
    <div ref={element} popover="manual" className="combobox-popup">
      {children}
    </div>
  );
}
