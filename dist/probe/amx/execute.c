// What each instruction does with the tiles. Source: Intel SDM volume 2, "Operation" and exception classes AMX-E1 to E6.
#include "amx.h"

#include <string.h>

static bool is_zero(const uint8_t *bytes, unsigned length) {
  while (length > 0)
    if (bytes[--length] != 0) return false;
  return true;
}

static bool is_configured(const struct amx_state *state) { return state->config.palette != 0; }

// A tile that there is, and that the configuration gives a shape.
static bool is_valid(const struct amx_state *state, unsigned tile) {
  return tile < AMX_TILES && state->config.rows[tile] > 0;
}

// Palette 1: eight tiles of at most 16 rows of 64 bytes, and what is reserved is 0.
static bool is_legal(const struct amx_config *config) {
  if (config->palette > 1 || !is_zero(config->reserved, sizeof config->reserved)) return false;
  for (int tile = 0; tile < 16; tile++) {
    const unsigned rows = config->rows[tile], bytes = config->row_bytes[tile];
    if (tile >= AMX_TILES && (rows > 0 || bytes > 0)) return false;
    if (rows > AMX_ROWS || bytes > AMX_ROW_BYTES || (rows == 0) != (bytes == 0)) return false;
  }
  return true;
}

static enum amx_outcome load_config(struct amx_state *state, uint64_t from, uint64_t *address) {
  struct amx_config config;
  *address = from;
  if (!amx_read(&config, from, sizeof config)) return AMX_PAGE;
  // Palette 0 is the initial state, whatever else the 64 bytes say.
  if (config.palette != 0 && !is_legal(&config)) return AMX_PROTECTION;
  memset(state, 0, sizeof *state);
  if (config.palette != 0) state->config = config;
  return AMX_DONE;
}

// TILELOADD, TILELOADDT1 and TILESTORED. Where a row's page is missing, `start_row` says where to go on.
static enum amx_outcome move_rows(struct amx_state *state, const struct amx_instruction *one, uint64_t *address) {
  struct amx_config *config = &state->config;
  if (!is_configured(state) || !is_valid(state, one->sum)) return AMX_UNDEFINED;
  const unsigned rows = config->rows[one->sum], bytes = config->row_bytes[one->sum];
  const bool is_store = one->kind == AMX_TILESTORED;
  for (; config->start_row < rows; config->start_row++) {
    uint8_t *row = state->tile[one->sum][config->start_row];
    *address = ((one->offset + config->start_row * one->stride) & one->mask) + one->segment;
    if (!(is_store ? amx_write(*address, row, bytes) : amx_read(row, *address, bytes))) return AMX_PAGE;
    if (!is_store) memset(row + bytes, 0, AMX_ROW_BYTES - bytes);
  }
  if (!is_store) memset(state->tile[one->sum][rows], 0, (AMX_ROWS - rows) * AMX_ROW_BYTES);
  return AMX_DONE;
}

// Exception class AMX-E4.
static bool shapes_fit(const struct amx_state *state, const struct amx_instruction *one) {
  const struct amx_config *config = &state->config;
  const unsigned sum = one->sum, left = one->left, right = one->right;
  if (sum == left || sum == right || left == right) return false;
  if (!is_configured(state) || !is_valid(state, sum) || !is_valid(state, left) || !is_valid(state, right))
    return false;
  const unsigned depth = config->row_bytes[left], width = config->row_bytes[right];
  return config->row_bytes[sum] == width && width % 4 == 0 && depth % 4 == 0 &&
         config->rows[sum] == config->rows[left] && config->rows[right] == depth / 4;
}

enum amx_outcome amx_execute(struct amx_state *state, const struct amx_instruction *one, uint64_t *address) {
  const uint64_t place = (one->offset & one->mask) + one->segment;
  switch (one->kind) {
    case AMX_LDTILECFG:
      return load_config(state, place, address);
    case AMX_STTILECFG:
      *address = place;
      return amx_write(place, &state->config, sizeof state->config) ? AMX_DONE : AMX_PAGE;
    case AMX_TILERELEASE:
      memset(state, 0, sizeof *state);
      return AMX_DONE;
    case AMX_TILEZERO:
      if (!is_configured(state) || one->sum >= AMX_TILES) return AMX_UNDEFINED;
      memset(state->tile[one->sum], 0, sizeof state->tile[one->sum]);
      break;
    case AMX_TILELOADD:
    case AMX_TILELOADDT1:
    case AMX_TILESTORED: {
      const enum amx_outcome moved = move_rows(state, one, address);
      if (moved != AMX_DONE) return moved;
      break;
    }
    default:
      if (!shapes_fit(state, one)) return AMX_UNDEFINED;
      amx_multiply(state, one);
      memset(state->tile[one->sum][state->config.rows[one->sum]], 0,
             (size_t)(AMX_ROWS - state->config.rows[one->sum]) * AMX_ROW_BYTES);
      break;
  }
  state->config.start_row = 0;
  return AMX_DONE;
}
