import { type KeyboardEvent, type RefObject, useEffect, useRef } from 'react';
import './ImageGrid.css';
import type { GridLayout } from './grid-layout';
import { Magnifier } from './Magnifier';
import { PictureCanvas, type PictureSource } from './PictureCanvas';
import { useTouch } from './use-touch';

interface Props {
  label: string;
  source: PictureSource;
  count: number;
  layout: GridLayout;
  selected: number;
  onSelect: (index: number) => void;
  /** A click, tap or Enter, after the selection. */
  onOpen?: (index: number) => void;
  /** Told which images are scrolled out of sight, ascending. */
  onUnseen?: (unseen: readonly number[]) => void;
  /** A finger has rested on an image, after the selection. */
  onHold?: (index: number) => void;
  /** Two fingers ask for larger images (1) or smaller ones (-1). */
  onPinch?: (direction: 1 | -1) => void;
}

/**
 * Images in reading order. The button that selects one is its sibling: a button's children lose their roles.
 * One tab stop; arrow keys move the selection.
 */
export function ImageGrid(props: Props) {
  const { label, source, count, layout, selected, onSelect, onOpen } = props;
  const list = useRef<HTMLUListElement>(null);
  const { columns, size } = layout;
  useUnseen(list, count, props.onUnseen);
  useTouch(list, {
    onPinch: props.onPinch,
    onHold: (index) => {
      onSelect(index);
      props.onHold?.(index);
    },
  });

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const moves: Record<string, number> = {
      ArrowRight: selected + 1,
      ArrowLeft: selected - 1,
      ArrowDown: selected + columns,
      ArrowUp: selected - columns,
      Home: 0,
      End: count - 1,
    };
    const next = moves[event.key];
    if (next === undefined) return;
    event.preventDefault();
    if (next < 0 || next >= count) return;
    onSelect(next);
    const button = list.current?.children[next]?.querySelector('button');
    button?.focus();
    button?.scrollIntoView({ block: 'nearest' });
  };

  return (
    <>
      <ul
        ref={list}
        className="image-grid"
        aria-label={label}
        onKeyDown={onKeyDown}
        style={{ gridTemplateColumns: `repeat(${columns}, ${size}px)` }}
      >
        {Array.from({ length: count }, (_, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a place in the grid is its index
          <li key={index} data-selected={index === selected || undefined}>
            <PictureCanvas source={source} index={index} size={size} />
            <button
              type="button"
              aria-label={`Select image ${index + 1}`}
              aria-pressed={index === selected}
              tabIndex={index === selected ? 0 : -1}
              onClick={() => {
                onSelect(index);
                onOpen?.(index);
              }}
            />
          </li>
        ))}
      </ul>
      <Magnifier list={list} source={source} size={size} />
    </>
  );
}

/** Watches which of the list's entries are on the screen. */
function useUnseen(
  list: RefObject<HTMLElement | null>,
  count: number,
  tell: ((unseen: readonly number[]) => void) | undefined,
): void {
  // biome-ignore lint/correctness/useExhaustiveDependencies: another count has other entries
  useEffect(() => {
    if (!tell || typeof IntersectionObserver === 'undefined') return;
    const entries = [...list.current!.children];
    const unseen = new Set<number>();
    const observer = new IntersectionObserver((changes) => {
      for (const { target, isIntersecting } of changes) {
        const index = entries.indexOf(target);
        if (isIntersecting) unseen.delete(index);
        else unseen.add(index);
      }
      tell([...unseen].sort((a, b) => a - b));
    });
    for (const entry of entries) observer.observe(entry);
    return () => {
      observer.disconnect();
      tell([]);
    };
  }, [list, count, tell]);
}
