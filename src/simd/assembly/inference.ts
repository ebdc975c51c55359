import {
  ATTENTION, ATTENTION_KEYS, CONV_DIRECT, CONV_WINOGRAD, MATRIX, NORM_CHUNKS, NORM_FINISH, POINTWISE, RESAMPLE,
} from '../record';
import { attention, attentionKeys } from './attention';
import { convDirect, matrix } from './convolution';
import { pointwise, resample } from './maps';
import { normChunks, normFinish } from './norm';
import { convWinograd } from './winograd';

/** The kernels of inference, by their numbers in a record. */
@unmanaged
export class Inference {
  perform(kernel: i32, record: usize, task: i32, scratch: usize): void {
    switch (kernel) {
      case CONV_DIRECT: return convDirect(record, task, scratch);
      case CONV_WINOGRAD: return convWinograd(record, task, scratch);
      case MATRIX: return matrix(record, task, scratch);
      case NORM_CHUNKS: return normChunks(record, task, scratch);
      case NORM_FINISH: return normFinish(record, task, scratch);
      case POINTWISE: return pointwise(record, task, scratch);
      case RESAMPLE: return resample(record, task, scratch);
      case ATTENTION_KEYS: return attentionKeys(record, task, scratch);
      case ATTENTION: return attention(record, task, scratch);
      default: unreachable();
    }
  }
}
