# all | check | bench | bench-full | benches | tables | fuzz | format | lint | install; V=release|debug|asan|tsan|fuzz
V    ?= release
B    := build/$(V)
ARCH := $(firstword $(subst -, ,$(shell $(CC) -dumpmachine)))
FLAGS.release := -O2 -g
FLAGS.debug   := -O1 -g
FLAGS.asan    := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
FLAGS.tsan    := -O1 -g -fsanitize=thread -Wno-maybe-uninitialized # false, of what instrumented calls fill
FLAGS.fuzz    := $(FLAGS.asan) -fsanitize=fuzzer-no-link
FLAGS.cover   := -O1 -g -fprofile-instr-generate -fcoverage-mapping
PKGS := libedit nettle libpcre2-8 libutf8proc
PKG  := $(shell pkg-config --cflags $(PKGS))
WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wmissing-prototypes
ALL   = -std=c17 -D_GNU_SOURCE -pthread -fPIC -ffp-contract=off -Iinclude -Isrc -I. $(PKG) $(WARN) \
        $(FLAGS.$(V)) $(CFLAGS)
# panel.avx2.c gets ISA.avx2 and exists only where LEVELS.<arch> lists avx2; panel.c gets ISA.c, which is empty.
ISA.avx2       := -mavx2 -mfma -mf16c
ISA.avxvnni    := $(ISA.avx2) -mavxvnni
ISA.avx512     := $(ISA.avx2) -mavx512f -mavx512bw -mavx512vl -mavx512dq
ISA.avx512vnni := $(ISA.avx512) -mavx512vnni
ISA.avx512bf16 := $(ISA.avx512vnni) -mavx512bf16
ISA.amx        := $(ISA.avx512bf16) -mamx-tile -mamx-int8 -mamx-bf16
# Intrinsics under UBSan take minutes to compile; tests hold these files to the references instead. Unoptimised they keep
# every accumulator in checked memory, so that real models would take minutes too.
# Where variables of unrolled code are at each instruction takes as long to write down as the code: -g1 leaves it out.
SIMD.release := -g1
SIMD.asan := -g1 -O2 -fno-sanitize=undefined
SIMD.tsan := -g1 -O2
SIMD.fuzz := -fno-sanitize=all
LEVELS.x86_64  := avx2 avxvnni avx512 avx512vnni avx512bf16 amx
isa = $(word 2,$(subst ., ,$(notdir $1)))
SRC  := $(foreach f,$(wildcard src/*/*.c src/*/*/*.c),$(if $(filter c $(LEVELS.$(ARCH)),$(call isa,$f)),$f))
LIBS := $(shell pkg-config --libs $(PKGS)) -lm
ORACLE.json_jansson := jansson
LIB     := $(B)/libquern.a
SUPPORT := $(patsubst %.c,$(B)/%.o,$(filter-out tests/support/replay.c,$(wildcard tests/support/*.c)))
EMULATED := $(patsubst src/kernel/%.c,$(B)/tests/support/emulated/%.o,$(filter %.amx.c,$(SRC)))
FUZZ    := $(basename $(notdir $(wildcard tests/fuzz/*.c)))
TESTS   := $(patsubst %.c,$(B)/%,$(filter-out tests/fuzz/% tests/support/%,$(wildcard tests/*/*.c)))
BENCHES := $(patsubst %.c,$(B)/%,$(wildcard bench/*.c bench/*/*.c))

all: $(B)/quern $(if $(filter release,$(V)),build/quern)
build/quern: build/release/quern
	@ln -sfn release/quern $@
$(B)/quern: $(patsubst %.c,$(B)/%.o,$(filter src/cli/%,$(SRC))) $(LIB)
	$(CC) $(ALL) -o $@ $^ $(LIBS)
$(LIB): $(patsubst %.c,$(B)/%.o,$(filter-out src/cli/%,$(SRC)))
	rm -f $@ && $(AR) rcs $@ $^
$(B)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(ALL) $(ISA.$(call isa,$<)) $(if $(ISA.$(call isa,$<)),$(SIMD.$(V))) -MMD -MP -c -o $@ $<
# Kernels on tiles once more, for CPUs without: their instructions are functions of tests/support/tiles.c.
$(B)/tests/support/emulated/%.o: src/kernel/%.c Makefile
	@mkdir -p $(@D)
	$(CC) $(ALL) $(ISA.avx512bf16) $(SIMD.$(V)) -include tests/support/tiles.h -MMD -MP -c -o $@ $<
$(B)/tests/support/support.a: $(SUPPORT) $(EMULATED)
	rm -f $@ && $(AR) rcs $@ $^
$(TESTS) $(BENCHES): %: %.o $(B)/tests/support/support.a $(LIB)
	$(CC) $(ALL) -o $@ $^ $(LIBS) $(shell pkg-config --libs cmocka $(ORACLE.$(@F)))
$(B)/replay-%: $(B)/tests/fuzz/%.o $(B)/tests/support/replay.o $(B)/tests/support/support.a $(LIB)
	$(CC) $(ALL) -o $@ $^ $(LIBS)
$(B)/fuzz-%: $(B)/tests/fuzz/%.o $(B)/tests/support/support.a $(LIB)
	$(CC) $(ALL) -fsanitize=fuzzer -o $@ $^ $(LIBS)

# Every test of this variant; the last line is "N passed, N failed, N skipped".
check: all $(TESTS) $(FUZZ:%=$(B)/replay-%)
	script/check-layers && script/check-banned
	script/run-tests $(if $(filter tsan,$(V)),--races) $(B) $(TESTS) $(FUZZ:%=$(B)/replay-%)
tests: all $(TESTS) $(BENCHES) $(FUZZ:%=$(B)/replay-%)
# Quern beside the peers whose folders QUERN_BENCH_LLAMA and QUERN_BENCH_IK name (bench/table.py). bench-full goes on where
# it was interrupted (build/bench/full.jsonl) and writes docs/speed.md.
bench bench-full: all $(B)/bench/make_model $(B)/bench/kernel/linear $(B)/bench/kernel/attend
	@command -v python3 >/dev/null || { echo "make $@ needs python3; without it: build/quern bench MODEL --limits" >&2; exit 1; }
	$(if $(filter bench,$@),rm -f build/bench/core.jsonl)
	python3 bench/table.py --set $(if $(filter bench,$@),core,full)
	$(if $(filter bench-full,$@),python3 bench/table.py --set full --report docs/speed.md)
benches: $(BENCHES)
# docs/tokenizers.md and docs/templates.md anew, against the real packages (tests/oracles/requirements.txt) and the conformance
# data; goes on where it was interrupted (build/tokenizers.jsonl), and fails where anything differs.
PYTHON ?= python3
DATA   ?= ../shared/data
tables: all $(B)/bench/text/tokenize
	$(PYTHON) tests/oracles/tokenizer_ten_thousand.py build/quern $(DATA)/tokenizers --rows build/tokenizers.jsonl \
		--table docs/tokenizers.md $(B)/bench/text/tokenize $(DATA)/corpus/tinyshakespeare.txt
	$(PYTHON) tests/oracles/templates_table.py build/quern $(DATA)/templates docs/templates.md
fuzz: ; for f in $(FUZZ); do $(MAKE) CC=clang V=fuzz run-$$f || exit 1; done
run-%: $(B)/fuzz-% ; mkdir -p $(B)/corpus-$* && $< -max_total_time=$(or $(SECONDS),60) -timeout=10 $(B)/corpus-$* tests/fuzz/seeds/$*
format: ; clang-format -i $$(git ls-files '*.[ch]')
lint: $(SRC:=.tidy) alone $(LIB)
	script/check-layers && script/check-banned
	! nm -g --defined-only $(LIB) | grep ' [TDBRC] ' | grep -v ' qn_'
%.tidy: ; clang-tidy --quiet $* -- $(filter-out -fno-sanitize-recover=all,$(ALL)) $(ISA.$(call isa,$*))
alone: $(patsubst src/%,%.alone,$(wildcard src/*/*.h src/*/*/*.h))
%.alone: ; printf '#include "$*"\ntypedef int alone;\n' | $(CC) $(ALL) $(ISA.$(call isa,$*)) -Werror -fsyntax-only -x c -
PREFIX ?= /usr/local
SHARE  := $(DESTDIR)$(PREFIX)/share
install: all
	install -D build/release/quern $(DESTDIR)$(PREFIX)/bin/quern
	install -D -m 644 -t $(SHARE)/man/man1 docs/man/*.1
	build/quern help --completion bash | install -D -m 644 /dev/stdin $(SHARE)/bash-completion/completions/quern
	build/quern help --completion zsh | install -D -m 644 /dev/stdin $(SHARE)/zsh/site-functions/_quern
	build/quern help --completion fish | install -D -m 644 /dev/stdin $(SHARE)/fish/vendor_completions.d/quern.fish
clean: ; rm -rf build
-include $(shell find $(B) -name '*.d' 2>/dev/null)
.SECONDARY:
.PHONY: all check tests bench bench-full benches tables fuzz format lint alone install clean
