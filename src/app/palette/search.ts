import type { Action } from '../../state/actions/action';

/** An action that was found, and which letters of its name were meant. */
export interface Found {
  action: Action;
  /** Indices of the letters of the name that matched. */
  letters: readonly number[];
}

const WORD_START = /[\p{L}\p{N}]/u;

/** Points of a match: higher is better. */
const POINTS = { letter: 1, wordStart: 8, inARow: 5, exactStart: 20, keyword: -12, skipped: -0.1 };

interface Match {
  points: number;
  /** Indices in the text. */
  letters: readonly number[];
}

/**
 * How well `wanted` is found in `text`: its letters in order, best at the starts of words and in a row. null = not at
 * all. The best of all ways to match, by dynamic programming over both texts.
 */
function match(wanted: string, text: string): Match | null {
  const low = text.toLowerCase();
  // best[j]: of matching what is wanted so far with its last letter at j.
  let best: (Match | null)[] = [];
  for (let i = 0; i < wanted.length; i++) {
    const next: typeof best = [];
    let before: Match | null = null; // the best that ends before j - 1
    for (let j = 0; j < low.length; j++) {
      const adjacent = j > 0 ? (best[j - 1] ?? null) : null;
      next[j] = null;
      if (low[j] === wanted[i]) {
        const starts = WORD_START.test(low[j]!) && (j === 0 || !WORD_START.test(low[j - 1]!));
        const own = POINTS.letter + (starts ? POINTS.wordStart : 0) + (i === 0 ? POINTS.skipped * j : 0);
        const options: Match[] = i === 0 ? [{ points: 0, letters: [] }] : [];
        if (adjacent) options.push({ ...adjacent, points: adjacent.points + POINTS.inARow });
        if (before) options.push(before);
        for (const option of options)
          if (!next[j] || option.points + own > next[j]!.points)
            next[j] = { points: option.points + own, letters: [...option.letters, j] };
      }
      if (adjacent && (!before || adjacent.points > before.points)) before = adjacent;
    }
    best = next;
  }
  const found = best.reduce<Match | null>((a, b) => (b && (!a || b.points > a.points) ? b : a), null);
  if (found && low.startsWith(wanted)) found.points += POINTS.exactStart;
  return found;
}

/** Letters strewn over a long text mean nothing: a keyword has to have the word as it is typed. */
const inKeywords = (word: string, { keywords = '', group }: Action) =>
  `${keywords} ${group}`
    .toLowerCase()
    .split(/\s+/)
    .some((keyword) => keyword.startsWith(word));

/** The actions that a text means, best first; each word of it has to be found in the name or begin a keyword. */
export function searchActions(text: string, actions: readonly Action[]): Found[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const found: (Found & { points: number })[] = [];
  for (const action of actions) {
    let points = 0;
    const letters = new Set<number>();
    const known = words.every((word) => {
      const inName = match(word, action.name);
      const enough = inName && inName.points >= word.length * 3; // letters here and there are no match
      if (!enough && !inKeywords(word, action)) return false;
      points += enough ? inName.points : word.length * POINTS.letter + POINTS.keyword;
      if (enough) for (const letter of inName.letters) letters.add(letter);
      return true;
    });
    if (known) found.push({ action, letters: [...letters].sort((a, b) => a - b), points });
  }
  return found.sort((a, b) => b.points - a.points || a.action.name.length - b.action.name.length);
}
