import {
  CHANNELS0, COLUMN_TABLE, COLUMN_TAPS, HEIGHT, OUT, OUT_HEIGHT, OUT_WIDTH, RESIDUAL, ROWS, ROW_BLOCKS, ROW_TABLE, ROW_TAPS,
  SCALE, SOURCE0, WIDTH,
} from '../record';
import { madd } from './vector';

/** (V x H' + residual) * scale with banded V and H: each row of their tables is its first column and its taps. */
export function banded(record: usize, task: i32, scratch: usize): void {
  const height = load<i32>(record + HEIGHT);
  const width = load<i32>(record + WIDTH);
  const outHeight = load<i32>(record + OUT_HEIGHT);
  const outWidth = load<i32>(record + OUT_WIDTH);
  const rowTaps = load<i32>(record + ROW_TAPS);
  const columnTaps = load<i32>(record + COLUMN_TAPS);
  const bytes = <usize>load<i32>(record + CHANNELS0) << 2;
  const rowBlocks = load<i32>(record + ROW_BLOCKS);
  const n = task / rowBlocks;
  const y0 = (task % rowBlocks) * load<i32>(record + ROWS);
  const y1 = min(outHeight, y0 + load<i32>(record + ROWS));
  const residual = load<usize>(record + RESIDUAL);
  const scale = v128.load32_splat(record + SCALE);
  const image = load<usize>(record + SOURCE0) + <usize>(n * height * width) * bytes;
  const rowBytes = <usize>width * bytes;
  for (let y = y0; y < y1; y++) {
    const rows = load<usize>(record + ROW_TABLE) + (<usize>(y * (rowTaps + 1)) << 2);
    const row = image + <usize>load<i32>(rows) * rowBytes;
    let columns = load<usize>(record + COLUMN_TABLE);
    let to = <usize>((n * outHeight + y) * outWidth) * bytes;
    for (let x = 0; x < outWidth; x++) {
      const from = row + <usize>load<i32>(columns) * bytes;
      columns += 4;
      for (let c: usize = 0; c < bytes; c += 16) {
        let sum = f32x4.splat(0);
        for (let i = 0; i < rowTaps; i++) {
          const down = load<f32>(rows + 4 + (<usize>i << 2));
          let at = from + c + <usize>i * rowBytes;
          for (let j = 0; j < columnTaps; j++) {
            sum = madd(f32x4.splat(down * load<f32>(columns + (<usize>j << 2))), v128.load(at), sum);
            at += bytes;
          }
        }
        if (residual != 0) sum = f32x4.add(sum, v128.load(residual + to + c));
        v128.store(load<usize>(record + OUT) + to + c, f32x4.mul(sum, scale));
      }
      columns += <usize>columnTaps << 2;
      to += bytes;
    }
  }
}
