"""bench/test_table.py - what engines print is read, and results become figures. Run by tests/cli/bench_table.c."""
import os
import tempfile
import unittest

import cells
import engines
import report
import table

QUERN = """{"test":"limits","threads":2,"read_bytes_per_second":{"4KiB":10,"2MiB":100},"int8_ops_per_second":1000}
{"test":"tg4xs2","threads":2,"sequences":2,"depth":0,"tokens_per_second":{"min":1,"median":2,"max":3},"samples":[1,2,3],\
"weight_bytes_per_token":40,"kv_bytes_per_token":10,"ops_per_token":30,"limit":4,"fraction_of_limit":0.5}
"""
IK_TABLE = """|    PP |     TG |    B |   N_KV |   T_PP s | S_PP t/s |   T_TG s | S_TG t/s |      T s |    S t/s |
|-------|--------|------|--------|----------|----------|----------|----------|----------|----------|
|    16 |     16 |    4 |    128 |    0.262 |   243.95 |    0.637 |   100.55 |    0.899 |   142.40 |
"""


def result(cell, n, quern, **peers):
    return {"cell": cell, "round": n, "quern": quern, **{k: {"samples": v} for k, v in peers.items()}}


class Parsing(unittest.TestCase):
    def test_a_name_says_what_a_cell_is(self):
        c = cells.parse_cell("smollm2", "tg16@d8192xs4+q8_0!", 2)
        self.assertEqual((c.kind, c.n, c.depth, c.sequences, c.kv, c.peers, c.name),
                         ("tg", 16, 8192, 4, "q8_0", False, "smollm2/tg16@d8192xs4+q8_0/t2"))
        c = cells.parse_cell("1b-q4_0", "tg32xs4+packed", 2)
        self.assertEqual((c.sequences, c.kv, c.weights), (4, "f16", "packed"))
        self.assertEqual(engines.Quern("quern").command(c, "FILE")[-2:], ["--weights", "packed"])
        for model, test in (("smollm2", "tg"), ("smollm2", "xx12"), ("nobody", "tg1")):
            self.assertRaises(ValueError, cells.parse_cell, model, test, 1)

    def test_a_set_holds_those_before_it_and_no_cell_twice(self):
        core, full = cells.cells_of("core"), cells.cells_of("full")
        names = [c.name for c in full]
        self.assertEqual(len(names), len(set(names)))
        self.assertTrue({c.name for c in core} < set(names))
        deep = "1b-q4_k_m/tg16@d8192/t2"
        self.assertFalse(next(c for c in core if c.name == deep).peers)
        self.assertTrue(next(c for c in full if c.name == deep).peers)

    def test_each_engines_words_are_read(self):
        quern = engines.parse_quern(QUERN)
        self.assertEqual((quern["samples"], quern["limits"]["int8_ops_per_second"]), ([1, 2, 3], 1000))
        json_lines = '{"build_commit": "a1", "samples_ns": [1], "samples_ts": [ 186.18, 198.7 ]}'
        self.assertEqual(engines.parse_llama_bench(json_lines), {"samples": [186.18, 198.7], "build": "a1"})
        self.assertEqual(engines.parse_llama_bench('[\nrepacked\n{"samples_ts": [ 5 ]}]')["samples"], [5])
        self.assertEqual(engines.parse_batched(IK_TABLE), {"samples": [100.55]})
        self.assertEqual(engines.parse_batched('noise\n{"pl": 4, "speed_tg": 240.3}\n'), {"samples": [240.3]})
        sweep = '{"n_kv": 0, "speed_pp": 1, "speed_tg": 2}\n{"n_kv": 512, "speed_pp": 3, "speed_tg": 4}'
        self.assertEqual(engines.parse_sweep(sweep, 512, "pp"), {"samples": [3]})

    def test_kernels_are_held_to_the_limit_that_counts_for_them(self):
        one = engines.parse_kernels('{"encoding":"Q6_K","rows":512,"fraction_of_read":0.1,"fraction_of_peak":0.5}\n'
                                    '{"encoding":"Q6_K","rows":1,"fraction_of_read":0.9,"fraction_of_peak":0.0}\n')
        self.assertEqual(one["shares"], {"Q6_K, 512 rows": 0.5, "Q6_K, 1 row": 0.9})
        pooled = report.pool([{"cell": "kernels/linear/t1", "round": 1, "quern": one}])
        self.assertEqual(report.kernel_table(pooled)[2:],
                         ["| Q6_K, 512 rows | 0.500 | >= 0.48: met |", "| Q6_K, 1 row | 0.900 |  |"])

    def test_an_answer_without_a_figure_is_a_failure(self):
        for parse in (engines.parse_quern, engines.parse_llama_bench, engines.parse_batched,
                      lambda t: engines.parse_sweep(t, 512, "tg")):
            self.assertRaises(engines.Failed, parse, "error: no model\n")
        self.assertRaises(engines.Failed, engines.output_of, ["false"])
        self.assertRaises(engines.Failed, engines.output_of, ["/nonexistent/program"])
        self.assertRaises(engines.Failed, engines.peers_here, {"QUERN_BENCH_IK": "/nonexistent"})


class Figures(unittest.TestCase):
    def test_experts_of_one_token_are_no_batch(self):
        with self.assertRaises(engines.Failed):
            engines.Ik("/none").run(cells.parse_cell("moe-q4_k_m", "tg32xs4", 2), "FILE", "FILE")

    def test_rounds_are_pooled_and_compared_with_the_best_peer(self):
        cell = cells.parse_cell("1b-q8_0", "tg32", 1)
        pooled = report.pool([
            result(cell.name, 1, {"samples": [30], "fraction_of_limit": 0.9}, **{"llama.cpp": [10], "ik_llama.cpp": [20]}),
            result(cell.name, 2, {"samples": [10], "fraction_of_limit": 0.7}, **{"llama.cpp": [10]}),
            result(cell.name, 3, {"samples": [20], "fraction_of_limit": 0.8}) | {"ik_llama.cpp": {"error": "died"}}])
        row = pooled[cell.name]
        self.assertEqual(report.spread(row["quern"]), "10.0 / 20.0 / 30.0")
        self.assertEqual(report.fraction(row["quern"]), 0.8)
        self.assertEqual(report.ratios(row), {"llama.cpp": 2, "ik_llama.cpp": 1})
        self.assertEqual(report.ratio_to_best(row, "tg"), 1)
        self.assertEqual(report.ratio_to_best(row, "first"), 2)
        self.assertEqual(report.verdict(report.goals_of(cell, row, pooled)),
                         "0.800 of the limit (>= 0.88): **not met**; 1.000 x best peer (>= 1.4): **not met**")
        self.assertEqual(len(report.table([cell], pooled)), 3)
        self.assertIn("| Decode, one sequence, 1B and 8B | >= 1.4 x best peer | 0 of 1 | 1.00 / 1.00 / 1.00 |",
                      report.summary([cell], pooled))

    def test_a_batch_gains_over_one_sequence_of_the_same_program(self):
        batch = {"samples": [8], "last": engines.parse_quern(QUERN)}
        rows = [result("smollm2/tg4/t2", 1, {"samples": [4]}) | {"commit": "a"},
                result("smollm2/tg4xs2/t2", 1, engines.parse_quern(QUERN) | batch) | {"commit": "a"},
                result("smollm2/tg4/t2", 1, {"samples": [1]}) | {"commit": "b"}]
        cell, pooled = cells.parse_cell("smollm2", "tg4xs2", 2), report.pool(rows)
        goals = report.goals_of(cell, pooled[cell.name], pooled)
        self.assertIn(("x one sequence", 2.0, ">=", 1.9), goals)
        rows[0]["commit"] = "c"
        self.assertIn(("x one sequence", None, ">=", 1.9),
                      report.goals_of(cell, pooled[cell.name], report.pool(rows)))

    def test_goals_are_those_of_the_models_that_have_them(self):
        def goals(model, test):
            row = {"quern": {"samples": [8], "commit": "a", "fractions": [0.5], "last": engines.parse_quern(QUERN)}}
            return [what for what, *_ in report.goals_of(cells.parse_cell(model, test, 2), row, {})]
        self.assertEqual(goals("1b-q8_0", "pp2048"), ["of the limit", "x best peer"])
        self.assertEqual(goals("smollm2", "pp2048"), ["x best peer"])
        self.assertEqual(goals("1b-q8_0", "tg32xs4"), ["x the model of a step", "x one sequence"])
        self.assertEqual(goals("moe-q4_k_m", "tg32xs4"), ["x the model of a step"])

    def test_a_newer_commit_replaces_an_older_one(self):
        cell = cells.parse_cell("smollm2", "tg64", 1)
        old = result(cell.name, 1, {"samples": [10]}) | {"commit": "a", "when": "1"}
        other = result("smollm2/tg64/t2", 1, {"samples": [10]}) | {"commit": "a", "when": "1"}
        pooled = report.pool([old, other, result(cell.name, 1, {"samples": [20]}) | {"commit": "b", "when": "2"}])
        self.assertEqual(report.median_of(pooled[cell.name]["quern"]), 20)
        shown = report.table([cell, cells.parse_cell("smollm2", "tg64", 2)], pooled)
        self.assertIn("| tg64 | 1 |", shown[2])
        self.assertIn("| tg64 (a) | 2 |", shown[3])

    def test_a_step_is_held_against_the_longer_of_reading_and_multiplying(self):
        row = {"quern": {"samples": [2], "last": engines.parse_quern(QUERN)}}
        self.assertAlmostEqual(report.step_model(row, 2), 1 / 1)  # 100 bytes at 100 a second; a step takes one
        row["quern"]["last"]["ops_per_token"] = 600
        self.assertAlmostEqual(report.step_model(row, 2), 1 / 2)

    def test_what_is_there_is_not_run_again(self):
        a, b = cells.parse_cell("smollm2", "tg1", 1), cells.parse_cell("smollm2", "tg1", 2)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "results")
            self.assertEqual(report.read(path), [])
            with open(path, "w", encoding="utf-8") as f:
                f.write('{"cell": "smollm2/tg1/t1", "round": 1}\n{"cell": "smollm2/tg1/t2", "rou')
            self.assertEqual(table.units_left([a, b], 2, report.read(path)), [(1, b), (2, a), (2, b)])
            table.append(path, {"cell": b.name, "round": 1})
            self.assertEqual(table.units_left([a, b], 2, report.read(path)), [(2, a), (2, b)])


if __name__ == "__main__":
    unittest.main()
