import { formatBytes, formatDuration } from './format';

/** A download that is under way or was broken off; bytes, bytes a second, seconds. Null where it is not known. */
type Unfinished =
  | {
      kind: 'downloading';
      phase?: string;
      done: number;
      total: number | null;
      rate: number | null;
      left: number | null;
      elsewhere?: true;
    }
  | { kind: 'broken'; done: number; total: number | null };

/** All of it is there; it is to be read. */
export const isWhole = ({ done, total }: Unfinished): boolean => done > 0 && done === total;

/** What a row says of a download that is not whole; `share` is null where the length is not known. */
export function progressWords(state: Unfinished): { amount: string; left: string; share: number | null } {
  const { done, total } = state;
  const share = total ? Math.min(1, done / total) : null;
  const amount = total ? `${formatBytes(done)} of ${formatBytes(total)}` : formatBytes(done);
  if (state.kind === 'broken')
    return isWhole(state)
      ? { amount: formatBytes(done), left: 'not opened yet', share }
      : { amount, left: 'stopped', share };
  const { phase, rate, left } = state;
  const where = state.elsewhere ? 'in another tab' : '';
  switch (phase) {
    case 'converting':
      return { amount: `Converting to float16, ${Math.round(100 * (share ?? 0))} %`, left: where, share };
    case 'checking':
      return { amount: `Reading what is here, ${amount}`, left: where, share };
    case 'connecting':
      return { amount: done > 0 ? `Connecting, ${amount}` : 'Connecting', left: where, share };
    case 'waiting':
      return { amount: `Connection lost, ${amount}`, left: where || `trying again in ${left} s`, share };
    default:
      return {
        amount: rate ? `${amount}, ${formatBytes(rate)}/s` : amount,
        left: where || (left === null ? '' : `${formatDuration(left)} left`),
        share,
      };
  }
}
