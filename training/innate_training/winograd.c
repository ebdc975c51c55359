/* 3 x 3 convolutions by Winograd's minimal filtering F(4 x 4, 3 x 3): Lavin and Gray 2016, "Fast Algorithms for
 * Convolutional Neural Networks", section 4.3. A tile of 4 x 4 outputs takes 36 multiplications per pair of channels
 * in place of 144:
 *
 *     y = A' [ (G w G') * (B' d B) ] A            * : element by element;  ' : transposed
 *
 * with d the 6 x 6 inputs of the tile. The gradient of the weights is the transpose of the same:
 *
 *     dw = G' [ sum over tiles of (B' d B) * (A dy A') ] G
 *
 * and that of the input is a convolution of dy with the turned filters. The products over channels are 36 matrix
 * products, one per position of the tile. What is done with the weights (G) is done by the caller.
 *
 * Images are float32 [n][h][w][channels] (channels last), h and w multiples of 4, padded by one zero on every side.
 * Channels are multiples of 2 * lanes().
 */
#include <stdlib.h>
#include <string.h>

#include "vectors.h"

#define POSITIONS 36

static inline size smaller(size a, size b) { return a < b ? a : b; }

/* Where a tile lies: the image and the row and column of its first output. */
typedef struct {
  size image, top, left;
} place;

static place tile(size number, size h, size w) {
  size across = w / 4, per = across * (h / 4), at = number % per;
  return (place){number / per, at / across * 4, at % across * 4};
}

/* B' d B of tiles first .. first + count, as v[36][count][c]. `zero`: c zeros, read outside of the image. */
static void input_transform(const float *x, size h, size w, size c, size first, size count, const float *zero, float *v) {
  size step = count * c;
  for (size t = 0; t < count; t++) {
    place p = tile(first + t, h, w);
    const float *from[6][6];
    for (size i = 0; i < 6; i++)
      for (size j = 0; j < 6; j++) {
        size row = p.top + i - 1, column = p.left + j - 1;
        int outside = row < 0 || row >= h || column < 0 || column >= w;
        from[i][j] = outside ? zero : x + ((p.image * h + row) * w + column) * c;
      }
    for (size k = 0; k < c; k += LANES) {
      vec m[6][6];
      for (int j = 0; j < 6; j++) {
        vec d0 = load(from[0][j] + k), d1 = load(from[1][j] + k), d2 = load(from[2][j] + k);
        vec d3 = load(from[3][j] + k), d4 = load(from[4][j] + k), d5 = load(from[5][j] + k);
        vec e = d4 - 4 * d2, o = d3 - 4 * d1, f = d4 - d2, q = 2 * (d3 - d1);
        m[0][j] = 4 * d0 - 5 * d2 + d4, m[1][j] = e + o, m[2][j] = e - o, m[3][j] = f + q, m[4][j] = f - q;
        m[5][j] = 4 * d1 - 5 * d3 + d5;
      }
      float *out = v + t * c + k;
      for (int i = 0; i < 6; i++, out += 6 * step) {
        vec d0 = m[i][0], d1 = m[i][1], d2 = m[i][2], d3 = m[i][3], d4 = m[i][4], d5 = m[i][5];
        vec e = d4 - 4 * d2, o = d3 - 4 * d1, f = d4 - d2, q = 2 * (d3 - d1);
        store(out, 4 * d0 - 5 * d2 + d4), store(out + step, e + o), store(out + 2 * step, e - o);
        store(out + 3 * step, f + q), store(out + 4 * step, f - q), store(out + 5 * step, 4 * d1 - 5 * d3 + d5);
      }
    }
  }
}

/* A' m A + bias of tiles first .. first + count, m[36][count][c], into the image y. */
static void output_transform(const float *m, size h, size w, size c, size first, size count, const float *bias, float *y) {
  size step = count * c;
  for (size t = 0; t < count; t++) {
    place p = tile(first + t, h, w);
    float *to = y + ((p.image * h + p.top) * w + p.left) * c;
    for (size k = 0; k < c; k += LANES) {
      vec a[4][6], b = load(bias + k);
      const float *from = m + t * c + k;
      for (int j = 0; j < 6; j++, from += step) {
        vec d0 = load(from), d1 = load(from + 6 * step), d2 = load(from + 12 * step);
        vec d3 = load(from + 18 * step), d4 = load(from + 24 * step), d5 = load(from + 30 * step);
        vec e = d1 + d2, o = d1 - d2, f = d3 + d4, q = d3 - d4;
        a[0][j] = d0 + e + f, a[1][j] = o + 2 * q, a[2][j] = e + 4 * f, a[3][j] = o + 8 * q + d5;
      }
      for (int i = 0; i < 4; i++) {
        float *out = to + i * w * c + k;
        vec d0 = a[i][0] + b, d1 = a[i][1], d2 = a[i][2], d3 = a[i][3], d4 = a[i][4], d5 = a[i][5];
        vec e = d1 + d2, o = d1 - d2 + b, f = d3 + d4, q = d3 - d4;
        store(out, d0 + e + f), store(out + c, o + 2 * q), store(out + 2 * c, e + b + 4 * f);
        store(out + 3 * c, o + 8 * q + d5);
      }
    }
  }
}

/* A dy A' of tiles first .. first + count, as g[36][count][c]. */
static void gradient_transform(const float *dy, size h, size w, size c, size first, size count, float *g) {
  size step = count * c;
  for (size t = 0; t < count; t++) {
    place p = tile(first + t, h, w);
    const float *from = dy + ((p.image * h + p.top) * w + p.left) * c;
    for (size k = 0; k < c; k += LANES) {
      vec a[6][4];
      for (int j = 0; j < 4; j++) {
        const float *in = from + j * c + k;
        vec d0 = load(in), d1 = load(in + w * c), d2 = load(in + 2 * w * c), d3 = load(in + 3 * w * c);
        vec e = d0 + d2, o = d1 + d3, f = d0 + 4 * d2, q = 2 * d1 + 8 * d3;
        a[0][j] = d0, a[1][j] = e + o, a[2][j] = e - o, a[3][j] = f + q, a[4][j] = f - q, a[5][j] = d3;
      }
      float *out = g + t * c + k;
      for (int i = 0; i < 6; i++, out += 6 * step) {
        vec d0 = a[i][0], d1 = a[i][1], d2 = a[i][2], d3 = a[i][3];
        vec e = d0 + d2, o = d1 + d3, f = d0 + 4 * d2, q = 2 * d1 + 8 * d3;
        store(out, d0), store(out + step, e + o), store(out + 2 * step, e - o);
        store(out + 3 * step, f + q), store(out + 4 * step, f - q), store(out + 5 * step, d3);
      }
    }
  }
}

/* m[r][0 .. 2 LANES) (+)= sum over i < n of a[r * ar + i * ai] * b[i * bi + (0 .. 2 LANES)), for ROWS rows r. Six rows
 * keep twelve sums in registers, enough to hide the latency of a fused multiply-add. */
#define UNROLL _Pragma("GCC unroll 8")
#define KERNEL(ROWS)                                                                                                \
  static void rows##ROWS(const float *a, size ar, size ai, const float *b, size bi, size n, float *m, size mr,      \
                         int add) {                                                                                 \
    vec s[ROWS], t[ROWS];                                                                                           \
    UNROLL for (int r = 0; r < ROWS; r++) {                                                                         \
      s[r] = add ? load(m + r * mr) : (vec){0}, t[r] = add ? load(m + r * mr + LANES) : (vec){0};                   \
    }                                                                                                               \
    for (size i = 0; i < n; i++, a += ai, b += bi) {                                                                \
      vec b0 = load(b), b1 = load(b + LANES);                                                                       \
      UNROLL for (int r = 0; r < ROWS; r++) { s[r] += a[r * ar] * b0, t[r] += a[r * ar] * b1; }                     \
    }                                                                                                               \
    UNROLL for (int r = 0; r < ROWS; r++) { store(m + r * mr, s[r]), store(m + r * mr + LANES, t[r]); }             \
  }
KERNEL(1) KERNEL(2) KERNEL(3) KERNEL(4) KERNEL(5) KERNEL(6)

static void rows(size r, const float *a, size ar, size ai, const float *b, size bi, size n, float *m, size mr, int add) {
  for (; r >= 6; r -= 6, a += 6 * ar, m += 6 * mr) rows6(a, ar, ai, b, bi, n, m, mr, add);
  switch (r) {
    case 5: rows5(a, ar, ai, b, bi, n, m, mr, add); break;
    case 4: rows4(a, ar, ai, b, bi, n, m, mr, add); break;
    case 3: rows3(a, ar, ai, b, bi, n, m, mr, add); break;
    case 2: rows2(a, ar, ai, b, bi, n, m, mr, add); break;
    case 1: rows1(a, ar, ai, b, bi, n, m, mr, add); break;
  }
}

/* What one call needs: two halves of transformed tiles and a row of zeros. */
typedef struct {
  float *v, *m, *zero;
} scratch;

static scratch reserve(size block, size c, size k) {
  return (scratch){malloc(POSITIONS * block * c * sizeof(float)), malloc(POSITIONS * block * k * sizeof(float)),
                   calloc(c, sizeof(float))};
}

static void release(scratch s) { free(s.v), free(s.m), free(s.zero); }

/* y[n][h][w][k] = the convolution of x[n][h][w][c]. u: the transformed weights, [36][k / 2 LANES][c][2 LANES].
 * `block` tiles are worked on at a time. Returns 0, or 1 if there is no memory. */
int winograd_convolve(const float *x, const float *u, const float *bias, float *y, size n, size h, size w, size c,
                      size k, size block) {
  size tiles = n * (h / 4) * (w / 4);
  scratch s = reserve(block, c, k);
  int failed = !s.v || !s.m || !s.zero;
  for (size first = 0; first < tiles && !failed; first += block) {
    size count = smaller(block, tiles - first);
    input_transform(x, h, w, c, first, count, s.zero, s.v);
    for (size p = 0; p < POSITIONS; p++)
      for (size j = 0; j < k; j += 2 * LANES)
        rows(count, s.v + p * count * c, c, 1, u + p * c * k + j * c, 2 * LANES, c, s.m + p * count * k + j, k, 0);
    output_transform(s.m, h, w, k, first, count, bias, y);
  }
  release(s);
  return failed;
}

/* du[36][c][k]: the gradient of the transformed weights, from x[n][h][w][c] and dy[n][h][w][k]. */
int winograd_weight_gradient(const float *x, const float *dy, float *du, size n, size h, size w, size c, size k,
                             size block) {
  size tiles = n * (h / 4) * (w / 4);
  scratch s = reserve(block, c, k);
  int failed = !s.v || !s.m || !s.zero;
  memset(du, 0, POSITIONS * c * k * sizeof(float));
  for (size first = 0; first < tiles && !failed; first += block) {
    size count = smaller(block, tiles - first);
    input_transform(x, h, w, c, first, count, s.zero, s.v);
    gradient_transform(dy, h, w, k, first, count, s.m);
    for (size p = 0; p < POSITIONS; p++)
      for (size j = 0; j < k; j += 2 * LANES)
        rows(c, s.v + p * count * c, 1, c, s.m + p * count * k + j, k, count, du + p * c * k + j, k, 1);
  }
  release(s);
  return failed;
}
