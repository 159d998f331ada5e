/* SPDX-License-Identifier: BSD-2-Clause
 * Measuring in turns: each round gives each candidate a few runs, so that a change of clock or load
 * meets all of them alike, and a second run finds the caches as a series of runs would. The least
 * time counts: everything else on the machine only ever adds. */
#include "plan/tune.h"

#include <math.h>

enum { RUNS_A_TURN = 3, LEAST_ROUNDS = 3, MOST_ROUNDS = 1 << 20 /* a clock may stand still */ };
static const double slow_turn_seconds = 0.02; /* longer runs: one a turn; caches do not matter */
static const double hopeless = 20; /* times the cheapest's cost: left out, if it also takes this */
static const double slow_share = 0.25; /* of the budget */
static const double behind = 3;        /* times the best's: after a round, no more turns */
static const double gain = 0.98;       /* of the time of the model's choice: noise is left alone */

static bool is_cancelled(const c2_tuning *t)
{
    return t->cancel && atomic_load(&t->cancel->triggered);
}

static int fastest(const c2_choice *choice, const double *seconds)
{
    int best = -1;
    for (int i = 0; i < choice->n; i++)
        if (seconds[i] > 0 && (best < 0 || seconds[i] < seconds[best]))
            best = i;
    return best;
}

int c2_tune_winner(const c2_choice *choice, const double *seconds)
{
    const int best = fastest(choice, seconds), estimate = c2_choice_cheapest(choice);
    if (best < 0 || estimate < 0 || seconds[estimate] <= 0)
        return best;
    return seconds[best] < gain * seconds[estimate] ? best : estimate;
}

static bool worth_a_turn(const c2_tuning *t, int i, int round)
{
    const c2_candidate *c = &t->choice->candidates[i];
    const int cheapest = c2_choice_cheapest(t->choice);
    if (c->refusal.text[0])
        return false;
    if (i == cheapest)
        return true; /* one unlucky turn is no reason to leave the model's choice */
    if (round == 0)
        return c->cost <= slow_share * t->budget ||
               c->cost <= hopeless * t->choice->candidates[cheapest].cost;
    return t->seconds[i] > 0 &&
           t->seconds[i] <= behind * t->seconds[fastest(t->choice, t->seconds)];
}

static conv2d_status take_turn(const c2_tuning *t, int i)
{
    for (int n = 0; n < RUNS_A_TURN; n++) {
        if (is_cancelled(t))
            return c2_fail(CONV2D_E_CANCELLED, "tuning was cancelled");
        const double start = t->now(t->user);
        const conv2d_status s = t->run(t->user, i);
        double seconds = t->now(t->user) - start;
        if (s)
            return s;
        seconds = fmax(round(seconds * 1e9), 1) / 1e9; /* whole nanoseconds are short in text */
        const bool first = t->seconds[i] == 0;         /* meets cold caches and untouched pages */
        if (first || seconds < t->seconds[i])
            t->seconds[i] = seconds;
        if (seconds > (first ? fmax(slow_turn_seconds, t->budget) : slow_turn_seconds))
            break;
    }
    return CONV2D_OK;
}

static void report(const c2_tuning *t, double start, int *last, int i)
{
    if (!t->progress)
        return;
    const double share = (t->now(t->user) - start) / t->budget;
    const int done = share < 1 ? (int)(share * (double)C2_TUNE_STEPS) : C2_TUNE_STEPS - 1;
    *last = done > *last ? done : *last;
    t->progress(t->progress_user, *last, C2_TUNE_STEPS, t->name(t->user, i));
}

conv2d_status c2_tune_measure(const c2_tuning *t)
{
    const double start = t->now(t->user);
    int last = 0, measured = 0;
    for (int i = 0; i < t->choice->n; i++)
        t->seconds[i] = 0;
    for (int round = 0; round < LEAST_ROUNDS || t->now(t->user) - start < t->budget; round++) {
        if (round == MOST_ROUNDS || (round && t->now(t->user) - start > 2 * t->budget))
            break; /* slow candidates: a round is all there is time for */
        for (int i = 0; i < t->choice->n; i++) {
            if (!worth_a_turn(t, i, round))
                continue;
            const conv2d_status s = take_turn(t, i);
            if (s)
                return s;
            report(t, start, &last, i);
            measured = i;
        }
    }
    if (t->progress)
        t->progress(t->progress_user, C2_TUNE_STEPS, C2_TUNE_STEPS, t->name(t->user, measured));
    return CONV2D_OK;
}
