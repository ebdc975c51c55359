/** A list of states that undo walks through, without knowing what they are. */
export interface Moment<T> {
  id: number;
  state: T;
  /** A person has marked it: it is never dropped. */
  kept: boolean;
}

/** Oldest first. */
export interface Timeline<M> {
  moments: readonly M[];
  /** Index of the moment that is shown. */
  current: number;
}

/** Without the oldest moments beyond `most`; kept ones and the current one stay, and do not count. */
function bounded<M extends Moment<unknown>>({ moments, current }: Timeline<M>, most: number): Timeline<M> {
  let over = moments.filter(({ kept }) => !kept).length - most;
  const now = moments[current];
  const left = moments.filter((moment) => moment.kept || moment === now || over-- <= 0);
  return { moments: left, current: left.indexOf(now!) };
}

/**
 * A new moment behind the current one. What was undone is gone, as in any editor; of that the kept ones stay, before the
 * new moment.
 */
export function extended<M extends Moment<unknown>>(
  { moments, current }: Timeline<M>,
  moment: M,
  most: number,
): Timeline<M> {
  const undone = moments.slice(current + 1).filter(({ kept }) => kept);
  const next = [...moments.slice(0, current + 1), ...undone, moment];
  return bounded({ moments: next, current: next.length - 1 }, most);
}

/** The moment at an index changed; the same list where there is none. */
export const changed = <M>(
  { moments, current }: Timeline<M>,
  index: number,
  change: Partial<M>,
): Timeline<M> => ({
  moments: moments.map((moment, i) => (i === index ? { ...moment, ...change } : moment)),
  current,
});
