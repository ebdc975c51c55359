import { madd } from './vector';

/**
 * C = A B for `rows` rows and columns `from` to `to`. A's rows lie `lda` bytes apart; each is `segments` runs of
 * `length` values, `jump` bytes from run to run (a convolution's rows of taps). B is panels of 8 columns,
 * `panel` bytes apart, `ldb` bytes from one k to the next. All C is written; k runs in one order, so that no
 * split of rows or columns changes a result.
 */
export function gemm(
  a: usize, lda: usize, rows: i32,
  b: usize, ldb: usize, panel: usize,
  from: i32, to: i32,
  segments: i32, length: i32, jump: usize,
  c: usize, ldc: usize,
): void {
  for (let column = from; column < to; column += 8) {
    const whole = to - column >= 8;
    const bp = b + <usize>(column >> 3) * panel;
    const cp = c + (<usize>(column - from) << 2);
    let row = 0;
    for (; row + 4 <= rows; row += 4)
      tile4(a + <usize>row * lda, lda, bp, ldb, segments, length, jump, cp + <usize>row * ldc, ldc, whole);
    for (; row < rows; row++)
      tile1(a + <usize>row * lda, bp, ldb, segments, length, jump, cp + <usize>row * ldc, whole);
  }
}

/** Four rows, eight columns. */
export function tile4(
  a: usize, lda: usize, b: usize, ldb: usize,
  segments: i32, length: i32, jump: usize,
  c: usize, ldc: usize, whole: bool,
): void {
  let c00 = f32x4.splat(0), c01 = f32x4.splat(0);
  let c10 = f32x4.splat(0), c11 = f32x4.splat(0);
  let c20 = f32x4.splat(0), c21 = f32x4.splat(0);
  let c30 = f32x4.splat(0), c31 = f32x4.splat(0);
  for (let s = 0; s < segments; s++) {
    let a0 = a;
    let a1 = a + lda;
    let a2 = a1 + lda;
    let a3 = a2 + lda;
    let k = length;
    for (; k >= 4; k -= 4) {
      let b0 = v128.load(b), b1 = v128.load(b, 16);
      let x = v128.load32_splat(a0);
      c00 = madd(x, b0, c00); c01 = madd(x, b1, c01);
      x = v128.load32_splat(a1);
      c10 = madd(x, b0, c10); c11 = madd(x, b1, c11);
      x = v128.load32_splat(a2);
      c20 = madd(x, b0, c20); c21 = madd(x, b1, c21);
      x = v128.load32_splat(a3);
      c30 = madd(x, b0, c30); c31 = madd(x, b1, c31);
      b += ldb;
      b0 = v128.load(b); b1 = v128.load(b, 16);
      x = v128.load32_splat(a0, 4);
      c00 = madd(x, b0, c00); c01 = madd(x, b1, c01);
      x = v128.load32_splat(a1, 4);
      c10 = madd(x, b0, c10); c11 = madd(x, b1, c11);
      x = v128.load32_splat(a2, 4);
      c20 = madd(x, b0, c20); c21 = madd(x, b1, c21);
      x = v128.load32_splat(a3, 4);
      c30 = madd(x, b0, c30); c31 = madd(x, b1, c31);
      b += ldb;
      b0 = v128.load(b); b1 = v128.load(b, 16);
      x = v128.load32_splat(a0, 8);
      c00 = madd(x, b0, c00); c01 = madd(x, b1, c01);
      x = v128.load32_splat(a1, 8);
      c10 = madd(x, b0, c10); c11 = madd(x, b1, c11);
      x = v128.load32_splat(a2, 8);
      c20 = madd(x, b0, c20); c21 = madd(x, b1, c21);
      x = v128.load32_splat(a3, 8);
      c30 = madd(x, b0, c30); c31 = madd(x, b1, c31);
      b += ldb;
      b0 = v128.load(b); b1 = v128.load(b, 16);
      x = v128.load32_splat(a0, 12);
      c00 = madd(x, b0, c00); c01 = madd(x, b1, c01);
      x = v128.load32_splat(a1, 12);
      c10 = madd(x, b0, c10); c11 = madd(x, b1, c11);
      x = v128.load32_splat(a2, 12);
      c20 = madd(x, b0, c20); c21 = madd(x, b1, c21);
      x = v128.load32_splat(a3, 12);
      c30 = madd(x, b0, c30); c31 = madd(x, b1, c31);
      b += ldb;
      a0 += 16; a1 += 16; a2 += 16; a3 += 16;
    }
    for (; k > 0; k--) {
      const b0 = v128.load(b), b1 = v128.load(b, 16);
      let x = v128.load32_splat(a0);
      c00 = madd(x, b0, c00); c01 = madd(x, b1, c01);
      x = v128.load32_splat(a1);
      c10 = madd(x, b0, c10); c11 = madd(x, b1, c11);
      x = v128.load32_splat(a2);
      c20 = madd(x, b0, c20); c21 = madd(x, b1, c21);
      x = v128.load32_splat(a3);
      c30 = madd(x, b0, c30); c31 = madd(x, b1, c31);
      b += ldb;
      a0 += 4; a1 += 4; a2 += 4; a3 += 4;
    }
    a += jump;
  }
  const r1 = c + ldc;
  const r2 = r1 + ldc;
  const r3 = r2 + ldc;
  v128.store(c, c00); v128.store(r1, c10); v128.store(r2, c20); v128.store(r3, c30);
  if (whole) {
    v128.store(c, c01, 16); v128.store(r1, c11, 16); v128.store(r2, c21, 16); v128.store(r3, c31, 16);
  }
}

/** One row, eight columns. */
function tile1(
  a: usize, b: usize, ldb: usize,
  segments: i32, length: i32, jump: usize,
  c: usize, whole: bool,
): void {
  let c0 = f32x4.splat(0), c1 = f32x4.splat(0);
  for (let s = 0; s < segments; s++) {
    let from = a;
    for (let k = 0; k < length; k++) {
      const x = v128.load32_splat(from);
      c0 = madd(x, v128.load(b), c0);
      c1 = madd(x, v128.load(b, 16), c1);
      b += ldb;
      from += 4;
    }
    a += jump;
  }
  v128.store(c, c0);
  if (whole) v128.store(c, c1, 16);
}
