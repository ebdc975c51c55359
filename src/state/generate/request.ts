import { defaultSteps, evaluations, ownSampler, SIGMA_MID } from '../../lib/sampling';
import type { GenerateRequest } from '../../protocol/generate';
import { className, type ModelFacts } from '../models';
import type { Recipe } from './images';
import { seedAt, type ViewState } from './view';

/** The engine's request for what the view shows. A class that the network does not have is left out. */
export function buildRequest(view: ViewState, model: ModelFacts): GenerateRequest {
  const { classIndex } = view;
  return {
    model: model.ref,
    seeds: Array.from({ length: view.count }, (_, i) => seedAt(view.seed, i)),
    classIndex: classIndex !== null && classIndex < model.labelDim ? classIndex : null,
    sampler: view.sampler ?? ownSampler(model),
    steps: view.steps ?? defaultSteps(model.resolution),
    sigma: view.sigma ?? model.sigma,
    sigmaMid: model.sigmaMid ?? SIGMA_MID,
    first: view.selected,
  };
}

export function recipeOf(
  request: GenerateRequest,
  model: ModelFacts,
  index: number,
  classIndex: number | null,
): Recipe {
  return {
    modelKey: model.key,
    model: model.name,
    seed: request.seeds[index]!,
    classIndex,
    className: classIndex === null ? null : className(model.classes, classIndex),
    sigma: request.sigma,
    sigmaMid: request.sampler === 'two-step' ? request.sigmaMid : null,
    sampler: request.sampler,
    evaluations: evaluations(request),
  };
}

const dragged = ['seeds', 'classIndex', 'sigma', 'first'] as const;

/** Whether two requests differ only in what a slider drags: the same work on other numbers. */
export function sameWork(a: GenerateRequest, b: GenerateRequest): boolean {
  const rest = (r: GenerateRequest) =>
    JSON.stringify({ ...r, ...Object.fromEntries(dragged.map((k) => [k, 0])) });
  return a.seeds.length === b.seeds.length && rest(a) === rest(b);
}
