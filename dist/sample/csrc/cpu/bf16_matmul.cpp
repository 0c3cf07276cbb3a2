#include "cpu/kernels.h"

#if defined(__AMX_BF16__)

#include <immintrin.h>

namespace vllm_cpu_sample {
namespace {

// Tiles are 16 rows of 64 bytes: 16 x 32 bf16 of `a`, 16 pairs x 16 columns of `b`, 16 x 16 sums.
constexpr int64_t kTileRows = 16;
constexpr int64_t kTileDepth = 32;
constexpr int64_t kTilePairs = kTileDepth / 2;
constexpr int64_t kTileColumns = 16;
// Four tiles of sums at a time, so that a packed tile of `b` serves 64 rows.
constexpr int64_t kRowsAtOnce = 4 * kTileRows;
static_assert(kMatmulColumnBlock == kTileColumns);

struct alignas(64) TileConfig {
  uint8_t palette;
  uint8_t start_row;
  uint8_t reserved[14];
  uint16_t row_bytes[16];
  uint8_t rows[16];
};
static_assert(sizeof(TileConfig) == 64);

// gcc's tile loads don't say that they read memory. Without a fence before them the compiler may
// leave out the stores that fill it, and without one after them move up those that reuse it.
inline void fence(const void* memory) { asm volatile("" : : "r"(memory) : "memory"); }

// Tile numbers are part of the instruction, hence macros from here on and not arguments.
#define LOAD_TILE(TILE, FROM, STRIDE)                                                \
  do {                                                                               \
    fence(FROM);                                                                     \
    _tile_loadd(TILE, FROM, STRIDE);                                                 \
    fence(FROM);                                                                     \
  } while (false)

inline void configure_tiles() {
  TileConfig config = {};
  config.palette = 1;
  // Numbers 0 to 3 are sums, 4 is `a`, 5 is `b`.
  for (int tile = 0; tile < 6; ++tile) {
    config.row_bytes[tile] = 64;
    config.rows[tile] = 16;
  }
  fence(&config);
  _tile_loadconfig(&config);
  fence(&config);
}

// Pairs along the depth of `b` become neighbours; what is missing at the edges counts as 0.
inline void pack_b(uint32_t (&packed)[kTilePairs][kTileColumns], const uint16_t* b, int64_t stride,
                   int64_t columns, int64_t depth) {
  for (int64_t pair = 0; pair < kTilePairs; ++pair) {
    for (int64_t n = 0; n < kTileColumns; ++n) {
      uint32_t bits = 0;
      if (n < columns && 2 * pair < depth) bits = b[n * stride + 2 * pair];
      if (n < columns && 2 * pair + 1 < depth)
        bits |= static_cast<uint32_t>(b[n * stride + 2 * pair + 1]) << 16;
      packed[pair][n] = bits;
    }
  }
}

inline void load_a(const uint16_t* a, int64_t stride, int64_t rows, int64_t depth) {
  if (rows >= kTileRows && depth >= kTileDepth) {
    LOAD_TILE(4, a, stride * 2);
    return;
  }
  alignas(64) uint16_t padded[kTileRows][kTileDepth] = {};
  for (int64_t m = 0; m < rows && m < kTileRows; ++m)
    for (int64_t k = 0; k < depth && k < kTileDepth; ++k) padded[m][k] = a[m * stride + k];
  LOAD_TILE(4, padded, 64);
}

#define STORE_SUMS(TILE)                                                             \
  do {                                                                               \
    const int64_t rows_left = rows - (TILE)*kTileRows;                               \
    if (rows_left > 0) {                                                             \
      float* to = out + (TILE)*kTileRows * stride;                                   \
      if (rows_left >= kTileRows && columns >= kTileColumns) {                       \
        _tile_stored(TILE, to, stride * 4);                                          \
      } else {                                                                       \
        fence(whole);                                                                \
        _tile_stored(TILE, whole, 64);                                               \
        fence(whole);                                                                \
        for (int64_t m = 0; m < rows_left && m < kTileRows; ++m)                     \
          for (int64_t n = 0; n < columns; ++n) to[m * stride + n] = whole[m][n];    \
      }                                                                              \
    }                                                                                \
  } while (false)

#define ADD_PRODUCTS(TILE)                                                           \
  do {                                                                               \
    if (const int64_t rows_left = rows - (TILE)*kTileRows; rows_left > 0) {          \
      load_a(a + (TILE)*kTileRows * depth + k, depth, rows_left, depth - k);         \
      _tile_dpbf16ps(TILE, 4, 5);                                                    \
    }                                                                                \
  } while (false)

// At most kRowsAtOnce rows and kTileColumns columns; `stride` is out's.
inline void block(float* out, int64_t stride, const uint16_t* a, const uint16_t* b, int64_t rows,
                  int64_t columns, int64_t depth) {
  alignas(64) uint32_t packed[kTilePairs][kTileColumns];
  alignas(64) float whole[kTileRows][kTileColumns];
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  for (int64_t k = 0; k < depth; k += kTileDepth) {
    pack_b(packed, b + k, depth, columns, depth - k);
    LOAD_TILE(5, packed, 64);
    ADD_PRODUCTS(0);
    ADD_PRODUCTS(1);
    ADD_PRODUCTS(2);
    ADD_PRODUCTS(3);
  }
  STORE_SUMS(0);
  STORE_SUMS(1);
  STORE_SUMS(2);
  STORE_SUMS(3);
}

#undef ADD_PRODUCTS
#undef STORE_SUMS
#undef LOAD_TILE

}  // namespace

void bf16_matmul(float* out, const uint16_t* a, const uint16_t* b, int64_t rows, int64_t columns,
                 int64_t depth, int64_t column_begin, int64_t column_end) {
  configure_tiles();
  for (int64_t n = column_begin; n < column_end; n += kTileColumns) {
    const int64_t wide = column_end - n < kTileColumns ? column_end - n : kTileColumns;
    for (int64_t m = 0; m < rows; m += kRowsAtOnce) {
      const int64_t high = rows - m < kRowsAtOnce ? rows - m : kRowsAtOnce;
      block(out + m * columns + n, columns, a + m * depth, b + n * depth, high, wide, depth);
    }
  }
  // Left configured, the tiles would make every context switch of this thread save 8 KiB.
  _tile_release();
}

}  // namespace vllm_cpu_sample

#else

#include "cpu/bf16_dot.h"

namespace vllm_cpu_sample {

void bf16_matmul(float* out, const uint16_t* a, const uint16_t* b, int64_t rows, int64_t columns,
                 int64_t depth, int64_t column_begin, int64_t column_end) {
  // A block of `b` stays in the cache while all of `a` passes by.
  for (int64_t n = column_begin; n < column_end; n += kMatmulColumnBlock) {
    const int64_t rest = column_end - n;
    const int64_t wide = rest < kMatmulColumnBlock ? rest : kMatmulColumnBlock;
    const uint16_t* block = b + n * depth;
    int64_t m = 0;
    for (; m + 2 <= rows; m += 2)
      dot_rows<2>(out + m * columns + n, columns, a + m * depth, block, wide, depth);
    for (; m < rows; ++m)
      dot_rows<1>(out + m * columns + n, columns, a + m * depth, block, wide, depth);
  }
}

}  // namespace vllm_cpu_sample

#endif
