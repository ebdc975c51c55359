/**
 * What a part of a file is by what people call it. 'averaged' weights are wanted before 'plain' ones; a
 * 'companion' (discriminator, critic, loss) is taken only when nothing else is there, and so is the copy that an
 * average puts 'aside' while its own weights are in use; an optimiser's 'state' never.
 */
export type Kind = 'averaged' | 'plain' | 'companion' | 'aside' | 'state';

const STATE = new Set(
  'optimizer optimizers optimiser optimisers optim opt adam adamw sgd scheduler momentum grad grads gradient gradients'.split(
    ' ',
  ),
);
const ASIDE = new Set(['collected', 'stored', 'backup']);
const COMPANION = new Set(
  'd netd disc discriminator discriminators critic loss losses criterion fake real guidance augment lpips perceptual classifier'.split(
    ' ',
  ),
);
const AVERAGED = new Set('averaged average averages avg shadow swa polyak'.split(' '));

/** The words of a path: G_ema, netG, EMACallback and state-dict come apart. */
const wordsOf = (path: string): string[] =>
  path
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replace(/([A-Z]+)([A-Z][a-z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '');

/** What an object that averages (ema_pytorch) calls the network that it follows. */
const FOLLOWED = new Set(['online']);

const isAveraged = (word: string): boolean =>
  AVERAGED.has(word) || (/^ema|ema$/.test(word) && !/^email|^emac|schema$|cinema$/.test(word));

/** `last`: an average that an optimiser keeps counts too, when it is called so itself (NeMo's EMA). */
export function kindOf(path: string, last = false): Kind {
  if (last && wordsOf(path.slice(path.lastIndexOf('.') + 1)).every(isAveraged)) return 'averaged';
  const words = wordsOf(path);
  // Adam's exp_avg is no average of weights; exp alone is an experiment's name.
  if (words.some((w, i) => STATE.has(w) || (w === 'exp' && words[i + 1] === 'avg'))) return 'state';
  if (words.some((w) => ASIDE.has(w))) return 'aside';
  if (words.some((w) => COMPANION.has(w))) return 'companion';
  return words.some(isAveraged) && !words.some((w) => FOLLOWED.has(w)) ? 'averaged' : 'plain';
}
