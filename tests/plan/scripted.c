/* SPDX-License-Identifier: BSD-2-Clause
 * The candidates of scripted.h: two c2_algorithms that read a table. */
#include "scripted.h"

#include "api/check.h"

scripted_candidate scripted[SCRIPTED];
const char *scripted_model;

static int two(const conv2d_device *device)
{
    (void)device;
    return 2;
}

static int one(const conv2d_device *device)
{
    (void)device;
    return 1;
}

static const char *alpha_name(const conv2d_device *device, int variant)
{
    (void)device;
    return variant ? "a1" : "a0";
}

static const char *beta_name(const conv2d_device *device, int variant)
{
    (void)device;
    (void)variant;
    return "b0";
}

static const char *isa(const conv2d_device *device, int variant)
{
    (void)device;
    return variant ? "high" : "low";
}

static bool accepts(int i, c2_why *why)
{
    return scripted[i].refusal ? c2_refuse(why, "%s", scripted[i].refusal) : true;
}

static bool alpha_supports(const conv2d_device *device, const c2_problem *p, int variant,
                           c2_why *why)
{
    (void)device;
    (void)p;
    return accepts(variant, why);
}

static bool beta_supports(const conv2d_device *device, const c2_problem *p, int variant,
                          c2_why *why)
{
    (void)device;
    (void)p;
    return accepts(variant + 2, why);
}

static double alpha_cost(const conv2d_device *device, const c2_problem *p, int variant)
{
    (void)device;
    (void)p;
    return scripted[variant].cost;
}

static double beta_cost(const conv2d_device *device, const c2_problem *p, int variant)
{
    return alpha_cost(device, p, variant + 2);
}

static c2_bytes alpha_memory(const conv2d_device *device, const c2_problem *p, int variant)
{
    (void)device;
    (void)p;
    return scripted[variant].bytes;
}

static c2_bytes beta_memory(const conv2d_device *device, const c2_problem *p, int variant)
{
    return alpha_memory(device, p, variant + 2);
}

static double bound(const c2_problem *p, int variant)
{
    (void)p;
    return variant + 1;
}

static const char *bound_text(const c2_problem *p, int variant)
{
    (void)p;
    (void)variant;
    return "enough";
}

static conv2d_status info(const conv2d_device *device, conv2d_device_info *out)
{
    (void)device;
    out->isa = "high";
    out->model = scripted_model;
    return CONV2D_OK;
}

static const c2_algorithm alpha = {.name = "alpha",
                                   .variants = two,
                                   .variant_name = alpha_name,
                                   .variant_isa = isa,
                                   .supports = alpha_supports,
                                   .cost = alpha_cost,
                                   .bound = bound,
                                   .bound_text = bound_text,
                                   .memory = alpha_memory};
static const c2_algorithm beta = {.name = "beta",
                                  .variants = one,
                                  .variant_name = beta_name,
                                  .variant_isa = isa,
                                  .supports = beta_supports,
                                  .cost = beta_cost,
                                  .bound = bound,
                                  .bound_text = bound_text,
                                  .memory = beta_memory};
static const c2_algorithm *const algorithms[] = {&alpha, &beta, NULL};
static const c2_backend backend = {.abi = C2_BACKEND_ABI,
                                   .name = "scripted",
                                   .proven = "",
                                   .info = info,
                                   .algorithms = algorithms};

conv2d_device scripted_device(void)
{
    conv2d_device device;
    memset(&device, 0, sizeof device);
    device.backend = &backend;
    device.allocator = c2_allocator_or_default(NULL);
    device.pool.n_threads = 4;
    scripted_model = "Scripted 9000";
    for (int i = 0; i < SCRIPTED; i++)
        scripted[i] = (scripted_candidate){NULL, 3 - i, {64, 0, 64}};
    assert_ok(c2_wisdom_create(&device));
    return device;
}

void scripted_close(conv2d_device *device)
{
    device->free_wisdom(device);
    assert_null(device->wisdom);
}

c2_problem problem_of(const char *text)
{
    conv2d_problem d;
    c2_problem p;
    assert_ok(conv2d_problem_parse(text, &d));
    assert_ok(c2_check_problem(&d, &p));
    return p;
}
