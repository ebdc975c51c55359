/* Vectors of float32 as wide as the processor's: what winograd.c and norm_act.c have in common. */
#ifdef __AVX512F__
#define LANES 16
#else
#define LANES 8
#endif

typedef float vec __attribute__((vector_size(LANES * 4), aligned(4), may_alias));
typedef long long size;

static inline vec load(const float *p) { return *(const vec *)p; }
static inline void store(float *p, vec v) { *(vec *)p = v; }

size lanes(void) { return LANES; }
