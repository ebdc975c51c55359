import type { GenerateRequest } from '../../protocol/generate';
import { currentModel, type Stores } from '../app-state';
import { settled } from '../compare/row-model';
import { manySteps, ownSteps } from '../compare/rows';
import { type AsideJob, type AsideRequests, recipePicture } from '../generate/aside';
import { latentsOf } from '../generate/latents';
import { buildRequest } from '../generate/request';
import { oneModelShown } from '../generate/view';
import { type Pair, pairOf } from '../layers/pair';
import { type ModelFacts, usableModels } from '../models';

export interface BesideController {
  /** Shows both beside each other, or no longer. */
  show(open: boolean): void;
  /** Shows the same seeds of both in Compare. */
  compareAll(): void;
}

type Side = 'student' | 'teacher';

/** The student in use and its teacher, or the other way round; null where one of them is missing. */
export function besidePair(stores: Stores): (Pair & { student: ModelFacts }) | null {
  const { catalogue, classFiles } = stores.catalogue.getState();
  const model = currentModel(stores);
  if (!model) return null;
  const models = usableModels(
    catalogue,
    stores.engine.getState().opened,
    stores.rows.getState().rows,
    classFiles,
  );
  const pair = pairOf(model, models, catalogue, null);
  return pair.student && pair.map.role === 'teacher' ? { ...pair, student: pair.student } : null;
}

/** Makes the selected image with both networks, one after the other, while the view needs nothing. */
export function createBeside(
  stores: Stores,
  aside: AsideRequests,
  show: (rows: string[]) => void,
): BesideController {
  const { view, beside } = stores;

  /** The selected image alone, as that side makes it. */
  function requestOf(side: Side, facts: ModelFacts): GenerateRequest {
    const state = view.getState();
    const { seeds, own, classIndex, mix, temperature } = buildRequest(
      state,
      facts,
      latentsOf(stores.latents),
    );
    const mine = own?.[state.selected] ?? null;
    // Whichever is in use is sampled as the view says; the other one as it is meant to be.
    const inUse = currentModel(stores)?.key === facts.key;
    const { sampler, steps, sigma } = inUse ? state : OTHERWISE[side](facts.key);
    const many = side === 'teacher' && (sampler === null || sampler === 'one-step');
    return {
      model: facts.ref,
      seeds: [seeds[state.selected]!],
      classIndex,
      ...(mix && { mix }),
      ...(temperature !== undefined && { temperature }),
      ...(mine && { own: [mine] }),
      ...settled(many ? manySteps(facts.key) : { model: facts.key, sampler, steps, sigma }, facts),
    };
  }

  function refresh(): void {
    const pair = beside.getState().open && oneModelShown(view.getState()) ? besidePair(stores) : null;
    if (!pair) {
      aside.want('beside', []);
      return;
    }
    const sides = { student: pair.student, teacher: pair.map };
    const jobs = (['student', 'teacher'] as const).map((side) => job(side, sides[side]));
    const [student, teacher] = jobs.map(({ key }) => key);
    beside.setState({ wanted: { student: student!, teacher: teacher! }, progress: null, error: null });
    aside.want(
      'beside',
      jobs.filter(
        ({ key }) => beside.getState().student?.key !== key && beside.getState().teacher?.key !== key,
      ),
    );
  }

  function job(side: Side, facts: ModelFacts): AsideJob {
    const request = requestOf(side, facts);
    const key = `${side} ${keyOf(request)} ${JSON.stringify(view.getState().own)}`;
    return {
      key,
      request,
      take: (chunk) =>
        beside.setState({
          [side]: { key, picture: recipePicture(request, facts, chunk), ms: chunk.ms },
          progress: null,
        }),
      progress: (progress) => beside.setState({ progress }),
      fail: (error) => beside.setState({ error, progress: null }),
    };
  }

  view.subscribe(() => beside.getState().open && refresh());
  stores.catalogue.subscribe(() => beside.getState().open && refresh());

  return {
    show(open) {
      beside.setState({ open });
      refresh();
    },
    compareAll() {
      const pair = besidePair(stores);
      if (pair) show([pair.student.key, pair.map.key]);
    },
  };
}

const OTHERWISE = { student: ownSteps, teacher: manySteps } as const;

/** A request as text; latents are told apart by what the view has of its own. */
const keyOf = ({ own: _, ...rest }: GenerateRequest): string => JSON.stringify(rest);
