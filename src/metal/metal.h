/* SPDX-License-Identifier: BSD-2-Clause
 * The Metal backend as the registry sees it. Never run on Apple hardware yet: what is checked is
 * checked against software Metal on Linux (docs/metal.md). */
#ifndef C2_METAL_METAL_H
#define C2_METAL_METAL_H

#include "backend/backend.h"

extern const c2_backend c2_metal_backend;

#endif
