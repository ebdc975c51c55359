import { whole } from '../../lib/words';
import type { NearestImage, NearestResult } from '../../protocol/measure';

const percent = (share: number): string =>
  share === 0
    ? 'None'
    : share < 0.001
      ? 'Less than 0.1 %'
      : `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;

/** What a search found of one image. It says "no sign", never "none": what is not found in one space may be in another. */
export function verdictOfImage({ suspect, quantile, ratioQuantile, inPixels }: NearestImage): {
  sign: string;
  why: string;
} {
  const byRatio = ratioQuantile < quantile;
  const shares = inPixels && [inPixels.quantile, inPixels.ratioQuantile];
  if (suspect && shares && Math.min(...shares) < Math.min(quantile, ratioQuantile))
    return {
      sign: 'Sign of copying.',
      why: `In pixels it is nearer to training image ${whole(inPixels.index)}, in itself or beside the next ones, than 99 % of held-out real images are to another.`,
    };
  return {
    sign: suspect ? 'Sign of copying.' : 'No sign of copying.',
    why:
      suspect && byRatio
        ? `Beside the images that follow it, its nearest training image is nearer than that of ${ratioQuantile === 0 ? 'all' : 'more than 99 % of'} held-out real images.`
        : `${percent(quantile)} of held-out real images ${quantile === 0 ? 'is' : 'are'} nearer to a training image than this one.`,
  };
}

/** The same of a whole set: more marked images than chance makes are a sign. */
export function verdictOfSet({ copying, suspects, made, real, images }: NearestResult): {
  sign: string;
  why: string;
} {
  const marked = `${whole(suspects)} of ${whole(made.length)} images`;
  return {
    sign: copying ? 'Sign of copying.' : 'No sign of copying.',
    why: `${marked} ${suspects === 1 ? 'is' : 'are'} nearer to a training image, in itself or beside the next ones${images[0]?.inPixels ? ', in these features or in pixels' : ''}, than 99 % of ${whole(real.length)} held-out real images are (1 % would be by chance).`,
  };
}
