import { counted, whole } from '../../lib/words';
import { type CatalogueModel, labelCount } from '../../storage/catalogue';
import { isHere, type RowStates, rowState } from './rows';

/** A shipped student and the teacher that it was made from; one of them may be alone. */
export interface Pair {
  student: CatalogueModel | null;
  teacher: CatalogueModel | null;
}

/** What the catalogue has of one data set. */
export interface DataSetSection {
  id: string;
  title: string;
  /** What all its public networks share; empty where there are none. */
  about: string;
  pairs: Pair[];
  /** Public models: students, the best reported first, then teachers. */
  rows: CatalogueModel[];
}

/** Data sets by the names of their zips, in the order of the page; `of` says what they show, where classes do not. */
const SETS: readonly { id: string; title: string; of?: string; datasets: readonly string[] }[] = [
  { id: 'cifar10', title: 'CIFAR-10', datasets: ['cifar10-32x32'] },
  { id: 'ffhq', title: 'FFHQ', of: 'faces', datasets: ['ffhq-64x64'] },
  {
    id: 'afhq',
    title: 'AFHQv2',
    of: 'cats, dogs and wild animals',
    datasets: ['afhqv2-64x64', 'afhq-cat-64x64'],
  },
  { id: 'imagenet', title: 'ImageNet-64', datasets: ['imagenet-64x64'] },
  { id: 'celeba', title: 'CelebA', datasets: ['celeba-64x64'] },
  { id: 'tiny-imagenet', title: 'Tiny ImageNet', datasets: ['tiny-imagenet-64x64'] },
  { id: 'fashion-mnist', title: 'Fashion-MNIST', datasets: ['fashion-mnist-32x32'] },
];

export const METHOD_NAMES: Readonly<Record<NonNullable<CatalogueModel['method']>, string>> = {
  edm: 'EDM',
  gdd: 'GDD',
  'gdd-i': 'GDD-I',
  imitation: 'Imitation',
  cd: 'CD',
  sid: 'SiD',
  sida: 'SiDA',
  sid2a: 'SiD2A',
  dmd2: 'DMD2',
  ect: 'ECT',
};

/** The catalogue by data set; one that the table above does not know has a section of its own name. */
export function sections(models: readonly CatalogueModel[]): DataSetSection[] {
  const known = new Set(SETS.flatMap((set) => set.datasets));
  const others = [...new Set(models.map((m) => m.dataset))].filter((name) => !known.has(name));
  const sets = [...SETS, ...others.map((name) => ({ id: name, title: name, datasets: [name] }))];
  return sets.flatMap((set) => {
    const mine = models.filter((m) => set.datasets.includes(m.dataset));
    if (mine.length === 0) return [];
    const rows = ordered(mine.filter((m) => m.kind !== 'shipped'));
    const about = sharedBy(rows, 'of' in set ? set.of : undefined);
    return [{ id: set.id, title: set.title, about, pairs: pairsOf(mine), rows }];
  });
}

/**
 * Students by the FID that is reported of them or of their family, smallest first, those without any after them;
 * teachers after the students, in the same order. What is equal goes by method, then by name.
 */
export function ordered(models: readonly CatalogueModel[]): CatalogueModel[] {
  const isTeacher = (m: CatalogueModel) => Number(m.role === 'teacher');
  const fid = (m: CatalogueModel) => m.reported?.value ?? Number.POSITIVE_INFINITY;
  const methodAt = ({ method }: CatalogueModel) => Object.keys(METHOD_NAMES).indexOf(method ?? '');
  const compare = (a: number, b: number) => (a === b ? 0 : a - b);
  return [...models].sort(
    (a, b) =>
      isTeacher(a) - isTeacher(b) ||
      compare(fid(a), fid(b)) ||
      compare(methodAt(a), methodAt(b)) ||
      a.name.localeCompare(b.name, 'en', { numeric: true }),
  );
}

/** How many rows stay open: the best students, and the best teacher. */
const OPEN = { student: 4, teacher: 1 };

/** The rows that are shown at first: the best few, and whatever is on this device. */
export function bestFew(rows: readonly CatalogueModel[], states: RowStates): CatalogueModel[] {
  const best = new Set(
    (['student', 'teacher'] as const).flatMap((role) =>
      rows.filter((m) => m.role === role).slice(0, OPEN[role]),
    ),
  );
  return rows.filter((m) => best.has(m) || isHere(rowState(m, states)));
}

/** A row's name within its data set: "SiD2A, alpha 1.2". */
export const rowName = ({ method, variant, name }: CatalogueModel): string =>
  method === undefined ? name : [METHOD_NAMES[method], variant].filter(Boolean).join(', ');

/** How it makes an image, as its authors do: "1 NFE, sigma 2.5, by class". */
export function rowHow(model: CatalogueModel, section: Pick<DataSetSection, 'rows'>): string {
  const second = model.sigma_mid === undefined ? '' : ` and ${model.sigma_mid}`;
  const start = model.role === 'student' && model.sigma !== undefined ? `sigma ${model.sigma}${second}` : '';
  const mixed = new Set(section.rows.map((m) => labelCount(m) > 0)).size > 1;
  const byClass = mixed && labelCount(model) > 0 ? 'by class' : '';
  return [`${model.nfe} NFE`, start, byClass].filter(Boolean).join(', ');
}

/**
 * Whether a model is meant by what was typed: every word has to be somewhere in its name, its data set, its method or
 * how it makes images.
 */
export function matches(model: CatalogueModel, section: DataSetSection, text: string): boolean {
  const all = [section.title, section.about, model.id, model.name, rowName(model), model.role, model.dataset];
  const words = `${all.join(' ')} ${model.kind === 'shipped' ? 'shipped small' : rowHow(model, section)}`;
  const hay = words.toLowerCase();
  return text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => hay.includes(word));
}

export interface Filter {
  text: string;
  /** Only what is on this device: shipped, downloaded, or in part. */
  here: boolean;
}

/** The sections with what passes the filter; those that have nothing are left out. */
export function filtered(
  all: readonly DataSetSection[],
  { text, here }: Filter,
  states: RowStates,
): DataSetSection[] {
  return all.flatMap((section) => {
    const passes = (m: CatalogueModel | null) => m !== null && matches(m, section, text.trim());
    const rows = section.rows.filter((m) => passes(m) && (!here || isHere(rowState(m, states))));
    const pairs = section.pairs.filter((pair) => passes(pair.student) || passes(pair.teacher));
    return rows.length + pairs.length > 0 ? [{ ...section, rows, pairs }] : [];
  });
}

function pairsOf(models: readonly CatalogueModel[]): Pair[] {
  const shipped = models.filter((m) => m.kind === 'shipped');
  const students = shipped.filter((m) => m.role === 'student');
  const taught = new Set(students.map((m) => m.teacher));
  const pairs: Pair[] = students.map((student) => ({
    student,
    teacher: shipped.find((m) => m.id === student.teacher) ?? null,
  }));
  for (const teacher of shipped)
    if (teacher.role === 'teacher' && !taught.has(teacher.id)) pairs.push({ student: null, teacher });
  return pairs;
}

/** "32 × 32, ten classes; the public networks have 56 M parameters". */
function sharedBy(rows: readonly CatalogueModel[], of: string | undefined): string {
  const [first] = rows;
  if (!first) return '';
  const classes = Math.max(...rows.map(labelCount));
  const shows = of ?? (classes === 0 ? '' : counted(classes, 'class', 'classes').replace(/^10 /, 'ten '));
  const millions = rows.map((m) => Math.round(m.parameters / 1e6));
  const [least, most] = [Math.min(...millions), Math.max(...millions)];
  const size = `${first.resolution} × ${first.resolution}`;
  const range = least === most ? whole(least) : `${whole(least)} to ${whole(most)}`;
  return `${[size, shows].filter(Boolean).join(', ')}; the public networks have ${range} M parameters`;
}
