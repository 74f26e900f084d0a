/* model/spec_words.h - the words of a family's steps; included by model/families/ alone, last. */
#pragma once

#include "model/spec.h"

// clang-format off
#define X QN_REG_X
#define H QN_REG_H
#define Q QN_REG_Q
#define K QN_REG_K
#define V QN_REG_V
#define G QN_REG_G
#define U QN_REG_U
#define R QN_REG_R
#define NORM(to, from, tensor)   {QN_OP_NORM, to, from, QN_REG_NONE, QN_REG_NONE, tensor, 0, QN_NO_ROLE}
#define LINEAR(to, from, tensor) {QN_OP_LINEAR, to, from, QN_REG_NONE, QN_REG_NONE, tensor, 0, QN_NO_ROLE}
#define BIAS(reg, tensor)          {QN_OP_BIAS, reg, reg, QN_REG_NONE, QN_REG_NONE, tensor, 0, QN_NO_ROLE}
#define ROPE(reg, kind)          {QN_OP_ROPE, reg, reg, QN_REG_NONE, QN_REG_NONE, QN_NO_ROLE, kind, QN_NO_ROLE}
#define ATTEND(to, q, k, v, mask) {QN_OP_ATTEND, to, q, k, v, QN_NO_ROLE, mask, QN_NO_ROLE}
#define ADD(to, from)            {QN_OP_ADD, to, from, QN_REG_NONE, QN_REG_NONE, QN_NO_ROLE, 0, QN_NO_ROLE}
#define GATE(gate, up, kind)     {QN_OP_GATE, gate, up, QN_REG_NONE, QN_REG_NONE, QN_NO_ROLE, kind, QN_NO_ROLE}
#define ROUTE(to, from)          {QN_OP_ROUTE, to, from, QN_REG_NONE, QN_REG_NONE, QN_NO_ROLE, 0, QN_NO_ROLE}
#define EXPERT_GATE(to, from, choice, gate, up, kind) {QN_OP_EXPERT_GATE, to, from, choice, QN_REG_NONE, gate, kind, up}
#define EXPERT_SUM(to, from, choice, tensor) {QN_OP_EXPERT_SUM, to, from, choice, QN_REG_NONE, tensor, 0, QN_NO_ROLE}
#define END                      {QN_OP_END, QN_REG_NONE, QN_REG_NONE, QN_REG_NONE, QN_REG_NONE, QN_NO_ROLE, 0, QN_NO_ROLE}
// clang-format on
