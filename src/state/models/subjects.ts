import type { ModelFacts, Preview } from '../models';

/**
 * What the shipped generators show, by the data set: one word, and the seed of the preview that stands for it. In the
 * order of the cards.
 */
const SUBJECTS: Readonly<Record<string, { name: string; seed: number }>> = {
  'afhq-cat-64x64': { name: 'Cats', seed: 0 },
  'celeba-64x64': { name: 'Faces', seed: 6 },
  'cifar10-32x32': { name: 'CIFAR-10', seed: 7 },
  'tiny-imagenet-64x64': { name: 'ImageNet', seed: 0 },
  'fashion-mnist-32x32': { name: 'Clothes', seed: 0 },
};

/** As many cards as one row holds. */
const MOST = 4;

/** A shipped one-step generator as a card. */
export interface Subject {
  name: string;
  /** Key of the model. */
  key: string;
  preview: Preview;
  /** Place in the preview of the image that stands for it. */
  seed: number;
}

/** One student for each data set of which the catalogue has a student with a preview, four at most. */
export function subjects(models: readonly ModelFacts[]): Subject[] {
  const cards: Subject[] = [];
  for (const [dataset, { name, seed }] of Object.entries(SUBJECTS)) {
    const student = models.find((m) => m.role === 'student' && m.dataset === dataset && m.preview);
    if (student?.preview) cards.push({ name, key: student.key, preview: student.preview, seed });
  }
  return cards.slice(0, MOST);
}
