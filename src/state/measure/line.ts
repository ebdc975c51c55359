import { formatValue } from '../../lib/figures';
import { whole } from '../../lib/words';
import type { MeasureResult } from '../../protocol/measure';

/** "FID 3.21 ± 0.04 at 1 NFE, ...": a number never stands without what it means nothing without. */
export function lineOf({ onInception, metrics: { fid }, nfe, spread, n, reference }: MeasureResult): string {
  const value = fid ? ` ${formatValue(fid.value)}` : '';
  const error = fid?.error == null ? '' : ` ± ${formatValue(fid.error)}`;
  const floor = fid?.floor == null ? '' : `, floor ${formatValue(fid.floor)}`;
  return `${onInception ? 'FID' : 'FD'}${value}${error} at ${nfe} NFE${floor}, spread ${formatValue(spread)}, n = ${whole(n)} against ${reference}`;
}
