import { InnateError } from '../lib/errors';
import { whole } from '../lib/words';
import type { Dataset, Skipped } from './types';

/** Images that could not be read for one reason. */
export interface SkippedReason {
  readonly reason: string;
  readonly count: number;
  /** Name of the first of them. */
  readonly first: string;
}

/** Why images were passed over, the most frequent reason first. */
export function skippedReasons(skipped: readonly Skipped[]): SkippedReason[] {
  const byReason = new Map<string, { count: number; first: string }>();
  for (const { name, reason } of skipped) {
    const known = byReason.get(reason);
    if (known) known.count++;
    else byReason.set(reason, { count: 1, first: name });
  }
  return [...byReason]
    .map(([reason, { count, first }]) => ({ reason, count, first }))
    .sort((a, b) => b.count - a.count);
}

/** "54 images skipped: a HEIC image (54, the first is 00001.heic)"; '' where none was. */
export function skippedLine(skipped: readonly Skipped[], most = 3): string {
  if (skipped.length === 0) return '';
  const reasons = skippedReasons(skipped);
  const parts = reasons
    .slice(0, most)
    .map(({ reason, count, first }) =>
      count === 1 ? `${first}: ${reason}` : `${reason} (${whole(count)}, the first is ${first})`,
    );
  if (reasons.length > most) parts.push(`and ${reasons.length - most} other reasons`);
  const images = skipped.length === 1 ? 'image' : 'images';
  return `${whole(skipped.length)} ${images} skipped: ${parts.join('; ')}`;
}

/** The error for a set of which no image can be read, with the reasons. */
export function allUnreadable({ name, skipped }: Pick<Dataset, 'name' | 'skipped'>): InnateError {
  const [first] = skippedReasons(skipped);
  return new InnateError('bad-file', 'no image of the data set can be read', {
    where: name,
    ...(first && { found: `${first.first}: ${first.reason}` }),
  });
}
