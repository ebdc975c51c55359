import { backend, env, type TensorInfo } from '@tensorflow/tfjs-core';
import type { GpuContext } from '../context';
import { type Kernel, packUniforms } from '../kernels/kernel';

/** What is used of TensorFlow.js's WebGPU back-end; most of it is not in its typings. */
interface TensorBackend {
  commandEncoder: GPUCommandEncoder | null;
  computePassEncoder: GPUComputePassEncoder | null;
  dispatchCountInPass: number;
  commandQueueOwnedIds: WeakSet<object>;
  uniformPendingDisposal: GPUBuffer[];
  pipelineCache: Record<string, unknown>;
  bufferManager: { acquireBuffer(size: number, usage: number): GPUBuffer };
  ensureCommandEncoderReady(): void;
  endComputePassEncoder(): void;
  submitQueue(): void;
  uploadToGPU(dataId: object): void;
  tensorToBinding(tensor: TensorInfo): GPUBufferBinding;
  makeTensorInfo(shape: number[], dtype: 'float32'): TensorInfo;
  disposeData(dataId: object): boolean;
}

/** One kernel call on tensors, in the order of the kernel's bindings; those it writes are outputs. */
export interface TensorCall {
  kernel: Kernel;
  operands: readonly (TensorInfo | 'nothing')[];
  uniforms: Readonly<Record<string, number>>;
  grid: readonly [number, number, number];
}

/**
 * Runs our kernels among TensorFlow.js's own: on its tensors, in its command stream, so that the order of
 * operations is the program's and nothing waits.
 */
export class TensorStream {
  private readonly nothing: GPUBuffer;

  constructor(
    private readonly context: GpuContext,
    private readonly tensors: TensorBackend,
  ) {
    const usage = GPUBufferUsage.STORAGE;
    this.nothing = context.device.createBuffer({ label: 'nothing', size: 16, usage });
  }

  /** The stream of the back-end in use. Throws without one that `connectTensors` has seen. */
  static get current(): TensorStream {
    const found = streams.get(backend());
    if (!found) throw new Error('our kernels are not connected to this back-end');
    return found;
  }

  get traits() {
    return this.context.traits;
  }

  get software(): boolean {
    return this.context.software;
  }

  /** A tensor whose values are whatever its memory holds. */
  empty(shape: number[]): TensorInfo {
    return this.tensors.makeTensorInfo(shape, 'float32');
  }

  release(tensor: TensorInfo): void {
    this.tensors.disposeData(tensor.dataId);
  }

  call({ kernel, operands, uniforms, grid }: TensorCall): void {
    const { tensors, context } = this;
    if (env().getBool('WEBGPU_ENGINE_COMPILE_ONLY')) {
      tensors.pipelineCache[kernel.code] ??= context.pipelines.prepare([kernel]);
      return;
    }
    const { pipeline, layout } = context.pipelines.now(kernel);
    const entries = operands.map((operand, binding): GPUBindGroupEntry => {
      if (operand === 'nothing') return { binding, resource: { buffer: this.nothing } };
      tensors.uploadToGPU(operand.dataId);
      tensors.commandQueueOwnedIds.add(operand.dataId);
      return { binding, resource: tensors.tensorToBinding(operand) };
    });
    entries.push({
      binding: operands.length,
      resource: { buffer: this.uniforms(packUniforms(kernel, uniforms)) },
    });
    const group = context.device.createBindGroup({ label: kernel.name, layout, entries });
    tensors.ensureCommandEncoderReady();
    tensors.computePassEncoder ??= tensors.commandEncoder!.beginComputePass();
    tensors.computePassEncoder.setPipeline(pipeline);
    tensors.computePassEncoder.setBindGroup(0, group);
    tensors.computePassEncoder.dispatchWorkgroups(...grid);
    tensors.dispatchCountInPass++;
    if (tensors.dispatchCountInPass >= env().getNumber('WEBGPU_DEFERRED_SUBMIT_BATCH_SIZE')) {
      tensors.endComputePassEncoder();
      tensors.submitQueue();
    }
  }

  /** Uploads uniforms to memory that the back-end takes back when the commands have been submitted. */
  private uniforms(bytes: ArrayBuffer): GPUBuffer {
    const { UNIFORM, COPY_DST } = GPUBufferUsage;
    const buffer = this.tensors.bufferManager.acquireBuffer(bytes.byteLength, UNIFORM | COPY_DST);
    this.context.device.queue.writeBuffer(buffer, 0, bytes);
    this.tensors.uniformPendingDisposal.push(buffer);
    return buffer;
  }
}

const streams = new WeakMap<object, TensorStream>();

/** Lets our kernels run on the tensors of `tensors`, a WebGPU back-end on the context's device. */
export function connectTensors(context: GpuContext, tensors: object): void {
  streams.set(tensors, new TensorStream(context, tensors as TensorBackend));
}
