import {
  ACTIVATE, ACTIVATION_GRADIENT, ADAM, ATTENTION_GRADIENT, ATTENTION_TANGENT, BANDED, BATCH_NORM_CURVATURE, BLEND, BROADCAST, CHANNEL_DOT, DEPTHWISE, DEPTHWISE_GRADIENT,
  DEVIATION_GRADIENT, DEVIATION_SUMS, FILTER_GRADIENT, MAX_POOL, MAX_POOL_GRADIENT, MAX_POOL_TANGENT, NORMALISE_WEIGHT, NORM_GRADIENT_APPLY,
  NORM_GRADIENT_FINISH, NORM_GRADIENT_PARAMETERS, NORM_GRADIENT_SUMS, PIXEL_DOT, POWER_ITERATION, PRODUCT, SHIFT_AND_CUT, SLICE,
  SPECTRAL_GRADIENT, SQUARES, SUM_PARTIALS, SUM_ROWS, TOTAL, TURN_FILTER, UNIT, WINOGRAD_FILTER,
} from '../record';
import { attentionGradient, attentionTangent } from './attention-gradient';
import { banded } from './banded';
import { depthwise, depthwiseGradient } from './depthwise';
import { deviationGradient, deviationSums } from './deviation';
import { activateAll, activationGradient, slice, sumRows } from './elements';
import { filterGradient } from './filter-gradient';
import { turnFilter, winogradFilter } from './filters';
import { Inference } from './inference';
import { batchNormCurvature, normGradientApply, normGradientFinish, normGradientParameters, normGradientSums } from './norm-gradient';
import { adam, blend, squares } from './optimiser';
import {
  broadcast, channelDot, maxPool, maxPoolGradient, maxPoolTangent, pixelDot, product, shiftAndCut, sumPartials, total, unit,
} from './products';
import { run as runAll, serve as serveAll } from './scheduler';
import { normaliseWeight, powerIteration, spectralGradient } from './spectral';

/** The module that trains: the kernels of inference, and what gradients and optimisers need beside. */
@unmanaged
class Training {
  perform(kernel: i32, record: usize, task: i32, scratch: usize): void {
    switch (kernel) {
      case FILTER_GRADIENT: return filterGradient(record, task, scratch);
      case TURN_FILTER: return turnFilter(record, task, scratch);
      case WINOGRAD_FILTER: return winogradFilter(record, task, scratch);
      case SUM_ROWS: return sumRows(record, task, scratch);
      case NORM_GRADIENT_SUMS: return normGradientSums(record, task, scratch);
      case NORM_GRADIENT_FINISH: return normGradientFinish(record, task, scratch);
      case NORM_GRADIENT_PARAMETERS: return normGradientParameters(record, task, scratch);
      case NORM_GRADIENT_APPLY: return normGradientApply(record, task, scratch);
      case BATCH_NORM_CURVATURE: return batchNormCurvature(record, task, scratch);
      case ACTIVATE: return activateAll(record, task, scratch);
      case ACTIVATION_GRADIENT: return activationGradient(record, task, scratch);
      case DEPTHWISE: return depthwise(record, task, scratch);
      case DEPTHWISE_GRADIENT: return depthwiseGradient(record, task, scratch);
      case BANDED: return banded(record, task, scratch);
      case SLICE: return slice(record, task, scratch);
      case ATTENTION_GRADIENT: return attentionGradient(record, task, scratch);
      case ATTENTION_TANGENT: return attentionTangent(record, task, scratch);
      case DEVIATION_SUMS: return deviationSums(record, task, scratch);
      case DEVIATION_GRADIENT: return deviationGradient(record, task, scratch);
      case POWER_ITERATION: return powerIteration(record, task, scratch);
      case NORMALISE_WEIGHT: return normaliseWeight(record, task, scratch);
      case SPECTRAL_GRADIENT: return spectralGradient(record, task, scratch);
      case ADAM: return adam(record, task, scratch);
      case BLEND: return blend(record, task, scratch);
      case SQUARES: return squares(record, task, scratch);
      case TOTAL: return total(record, task, scratch);
      case SUM_PARTIALS: return sumPartials(record, task, scratch);
      case PRODUCT: return product(record, task, scratch);
      case CHANNEL_DOT: return channelDot(record, task, scratch);
      case PIXEL_DOT: return pixelDot(record, task, scratch);
      case BROADCAST: return broadcast(record, task, scratch);
      case MAX_POOL: return maxPool(record, task, scratch);
      case MAX_POOL_GRADIENT: return maxPoolGradient(record, task, scratch);
      case MAX_POOL_TANGENT: return maxPoolTangent(record, task, scratch);
      case SHIFT_AND_CUT: return shiftAndCut(record, task, scratch);
      case UNIT: return unit(record, task, scratch);
      default: return changetype<Inference>(0).perform(kernel, record, task, scratch);
    }
  }
}

export function run(): bool {
  return runAll<Training>();
}

export function serve(thread: i32): void {
  serveAll<Training>(thread);
}
