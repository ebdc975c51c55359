import { madd } from './vector';

/**
 * C = C + scale A' B for four rows of C and eight columns, or four (`whole` false), `ldc` bytes apart; with `add` false
 * C = scale A' B. The sum runs over `images` x `runs` x `length` values: A's four lie together, `stride` bytes from one k to the
 * next, and `jump` more after each run, `leap` more after each image; B's eight lie `ldb` bytes apart. It is made in registers
 * and then added, so whoever calls with pieces of a long sum decides its order. Of the four rows the first `rows` are written.
 */
export function tileTransposed(
  a: usize, stride: usize, length: i32, jump: usize, runs: i32, leap: usize, images: i32,
  b: usize, ldb: usize,
  c: usize, ldc: usize, rows: i32, whole: bool, add: bool, scale: f32,
): void {
  let c00 = f32x4.splat(0), c01 = f32x4.splat(0);
  let c10 = f32x4.splat(0), c11 = f32x4.splat(0);
  let c20 = f32x4.splat(0), c21 = f32x4.splat(0);
  let c30 = f32x4.splat(0), c31 = f32x4.splat(0);
  for (let i = 0; i < images; i++) {
    for (let r = 0; r < runs; r++) {
      let k = length;
      for (; k >= 2; k -= 2) {
        let b0 = v128.load(b), b1 = v128.load(b, 16);
        let x = v128.load32_splat(a);
        c00 = madd(x, b0, c00); c01 = madd(x, b1, c01);
        x = v128.load32_splat(a, 4);
        c10 = madd(x, b0, c10); c11 = madd(x, b1, c11);
        x = v128.load32_splat(a, 8);
        c20 = madd(x, b0, c20); c21 = madd(x, b1, c21);
        x = v128.load32_splat(a, 12);
        c30 = madd(x, b0, c30); c31 = madd(x, b1, c31);
        a += stride;
        b += ldb;
        b0 = v128.load(b); b1 = v128.load(b, 16);
        x = v128.load32_splat(a);
        c00 = madd(x, b0, c00); c01 = madd(x, b1, c01);
        x = v128.load32_splat(a, 4);
        c10 = madd(x, b0, c10); c11 = madd(x, b1, c11);
        x = v128.load32_splat(a, 8);
        c20 = madd(x, b0, c20); c21 = madd(x, b1, c21);
        x = v128.load32_splat(a, 12);
        c30 = madd(x, b0, c30); c31 = madd(x, b1, c31);
        a += stride;
        b += ldb;
      }
      if (k > 0) {
        const b0 = v128.load(b), b1 = v128.load(b, 16);
        let x = v128.load32_splat(a);
        c00 = madd(x, b0, c00); c01 = madd(x, b1, c01);
        x = v128.load32_splat(a, 4);
        c10 = madd(x, b0, c10); c11 = madd(x, b1, c11);
        x = v128.load32_splat(a, 8);
        c20 = madd(x, b0, c20); c21 = madd(x, b1, c21);
        x = v128.load32_splat(a, 12);
        c30 = madd(x, b0, c30); c31 = madd(x, b1, c31);
        a += stride;
        b += ldb;
      }
      a += jump;
    }
    a += leap;
  }
  write(c, c00, c01, whole, add, scale);
  if (rows > 1) write(c + ldc, c10, c11, whole, add, scale);
  if (rows > 2) write(c + 2 * ldc, c20, c21, whole, add, scale);
  if (rows > 3) write(c + 3 * ldc, c30, c31, whole, add, scale);
}

function write(to: usize, x0: v128, x1: v128, whole: bool, add: bool, scale: f32): void {
  const s = f32x4.splat(scale);
  x0 = f32x4.mul(x0, s);
  if (add) x0 = f32x4.add(x0, v128.load(to));
  v128.store(to, x0);
  if (!whole) return;
  x1 = f32x4.mul(x1, s);
  if (add) x1 = f32x4.add(x1, v128.load(to, 16));
  v128.store(to, x1, 16);
}
