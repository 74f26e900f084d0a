/* model/place.h - where the values of a program lie, and where its threads must meet.
 *
 * A value is placed first-fit among those that live with it. It lives a little longer than its last
 * use: until threads meet next, so that what takes over its memory needs no meeting of its own. */
#pragma once

#include "model/program.h"

typedef struct qn_value { /* what a register holds from one writing to the next */
    qn_place place;
    size_t first, last; /* ops that touch it */
    uint32_t n_vectors; /* that it consists of, each quantized alone */
    int act;            /* the value that holds its int8 activations, or -1 */
    bool own;           /* while places are given: now in each member's own copy */
    size_t end;         /* the last op that may not use its memory for another */
} qn_value;

/* In: the ops' places, and p->logits, hold 1 + the number of their value in n. Out: the values'
 * places, own copies, row_bytes and barriers. */
void qn_place_values(qn_program *p, size_t n_values, qn_value *values);
