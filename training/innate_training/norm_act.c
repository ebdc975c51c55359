/* The walks over an image that group norm + SiLU take (fused.py), forward and backward. Images are float32
 * [n][pixels][c] (channels last), what belongs to channels is [n][c]; c is a multiple of lanes().
 */
#include <string.h>

#include "vectors.h"

#define MOST 1024 /* channels */
#define RUN 64    /* pixels summed in float32, before their sum is added in float64 */

typedef int ints __attribute__((vector_size(LANES * 4)));

static inline vec choose(ints mask, vec a, vec b) { return (vec)((mask & (ints)a) | (~mask & (ints)b)); }

/* e^x within 2 units of the last place, for any x: n ln 2 is taken off, and the rest, at most ln 2 / 2, is a polynomial
 * (Cephes' expf). Below -87 and above 88 it stays at the ends, which is all that a sigmoid needs. */
static inline vec exponential(vec x) {
  const vec low = (vec){0} - 87, high = (vec){0} + 88, magic = (vec){0} + 12582912.f; /* 1.5 * 2^23: rounds to integers */
  x = choose(x < low, low, x);
  x = choose(x > high, high, x);
  vec shifted = x * 1.44269504088896341f + magic, n = shifted - magic;
  x = x - n * 0.693359375f;
  x = x + n * 2.12194440e-4f;
  vec p = x * 1.9875691500e-4f + 1.3981999507e-3f;
  p = p * x + 8.3334519073e-3f;
  p = p * x + 4.1665795894e-2f;
  p = p * x + 1.6666665459e-1f;
  p = p * x + 5.0000001201e-1f;
  p = p * x * x + x + 1;
  ints power = ((ints)shifted - (ints)magic + 127) << 23;
  return p * (vec)power;
}

static inline vec sigmoid(vec z) { return 1 / (1 + exponential(-z)); }

size norm_most_channels(void) { return MOST; }

/* Adds c sums of float32 to those of float64, and begins anew. */
static void settle(float *part, double *sum, size c) {
  for (size k = 0; k < c; k++) sum[k] += part[k];
  memset(part, 0, c * sizeof(float));
}

/* first[n][c], second[n][c]: the means of x and of its square over an image's pixels. */
void norm_moments(const float *x, float *first, float *second, size n, size pixels, size c) {
  float a[MOST] = {0}, b[MOST] = {0};
  double sum[MOST], squares[MOST];
  for (size i = 0; i < n; i++) {
    memset(sum, 0, c * sizeof(double)), memset(squares, 0, c * sizeof(double));
    for (size p = 0; p < pixels; p++, x += c) {
      for (size k = 0; k < c; k += LANES) {
        vec v = load(x + k);
        store(a + k, load(a + k) + v), store(b + k, load(b + k) + v * v);
      }
      if (p % RUN == RUN - 1 || p == pixels - 1) settle(a, sum, c), settle(b, squares, c);
    }
    for (size k = 0; k < c; k++) first[i * c + k] = sum[k] / pixels, second[i * c + k] = squares[k] / pixels;
  }
}

/* y = act(x * scale + offset) */
void norm_apply(const float *x, const float *scale, const float *offset, float *y, size n, size pixels, size c, int act) {
  for (size i = 0; i < n; i++, scale += c, offset += c)
    for (size p = 0; p < pixels; p++, x += c, y += c)
      for (size k = 0; k < c; k += LANES) {
        vec z = load(x + k) * load(scale + k) + load(offset + k);
        if (act) z = z * sigmoid(z);
        store(y + k, z);
      }
}

/* d = dy * act'(z), and its sums over pixels: s0[n][c] of d, s1[n][c] of d * x. */
void norm_backward_sums(const float *dy, const float *x, const float *scale, const float *offset, float *d, float *s0,
                        float *s1, size n, size pixels, size c, int act) {
  float a[MOST] = {0}, b[MOST] = {0};
  double sum[MOST], products[MOST];
  for (size i = 0; i < n; i++, scale += c, offset += c) {
    memset(sum, 0, c * sizeof(double)), memset(products, 0, c * sizeof(double));
    for (size p = 0; p < pixels; p++, x += c, dy += c, d += c) {
      for (size k = 0; k < c; k += LANES) {
        vec v = load(x + k), g = load(dy + k);
        if (act) {
          vec z = v * load(scale + k) + load(offset + k), q = sigmoid(z);
          g *= q * (1 + z * (1 - q));
        }
        store(d + k, g), store(a + k, load(a + k) + g), store(b + k, load(b + k) + g * v);
      }
      if (p % RUN == RUN - 1 || p == pixels - 1) settle(a, sum, c), settle(b, products, c);
    }
    for (size k = 0; k < c; k++) s0[i * c + k] = sum[k], s1[i * c + k] = products[k];
  }
}

/* d = d * scale + x * slope + constant, in place. */
void norm_backward_apply(float *d, const float *x, const float *scale, const float *slope, const float *constant, size n,
                         size pixels, size c) {
  for (size i = 0; i < n; i++, scale += c, slope += c, constant += c)
    for (size p = 0; p < pixels; p++, x += c, d += c)
      for (size k = 0; k < c; k += LANES)
        store(d + k, load(d + k) * load(scale + k) + (load(x + k) * load(slope + k) + load(constant + k)));
}
