# conntools (GNU make). `make` builds build/bin/*, `make check` tests it, `make demo` shows it, `make help` lists more.
#
# One archive, libconn.a, holds everything under lib/. Each bin/<name>.c is one program, linked with that archive and
# with the libraries that the table below names: only what needs a broker library links it.
# BUILD=DIR builds elsewhere; a BUILD whose last part is "asan" is built with the sanitizers. SKIP=lib/x/y.c leaves
# sources out of the archive, for a program that does without them while they do not compile.

BUILD ?= build
CONFIG := build/config.mk
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules --no-print-directory

# --- which program links which library ---------------------------------------------------------------------------

LIBS_amqp-in      = $(PROTON_LIBS) -lssl $(CRYPTO_LIBS)
LIBS_amqp-out     = $(PROTON_LIBS) -lssl $(CRYPTO_LIBS)
LIBS_mqtt-in      = $(MOSQUITTO_LIBS) -lssl $(CRYPTO_LIBS)
LIBS_mqtt-out     = $(MOSQUITTO_LIBS) -lssl $(CRYPTO_LIBS)
LIBS_ditto-map    = $(JQ_LIBS) $(SECCOMP_LIBS)
LIBS_ditto-twin   = $(GDBM_LIBS) $(CRYPTO_LIBS)
LIBS_conn-store   = $(GDBM_LIBS) $(CRYPTO_LIBS)
LIBS_conn-ctl     = $(CRYPTO_LIBS)
LIBS_conn-journal = $(GDBM_LIBS) $(CRYPTO_LIBS)

# Tests and benchmarks may use any of them; --as-needed keeps what one does use.
ALL_LIBS = $(PROTON_LIBS) $(MOSQUITTO_LIBS) $(GDBM_LIBS) $(JQ_LIBS) $(SECCOMP_LIBS) -lssl $(CRYPTO_LIBS)

# --- goals that must work before there is a compiler, or that bring one --------------------------------------------

EARLY := help deps deps-build deps-test demo check check-long check-asan lint format bench soak clean
ifneq ($(filter-out $(EARLY),$(or $(MAKECMDGOALS),all)),)
include $(CONFIG)
endif

$(CONFIG): configure
	./configure $(CONFIGURE_ARGS)

# --- flags ---------------------------------------------------------------------------------------------------------

WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wformat=2 -Wunused-result
CPPFLAGS := -D_GNU_SOURCE -I lib
CFLAGS   := -std=c11 -O2 -g -fstack-protector-strong $(WARNINGS) $(if $(DEVELOPER),-Werror)
LDFLAGS  := -Wl,-z,relro,-z,now -Wl,--as-needed

ifeq ($(notdir $(BUILD)),asan)
# gcc's runtimes are linked statically, so that a preloaded shim need not come second.
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
CFLAGS   += $(SANITIZE)
LDFLAGS  += $(SANITIZE) $(if $(findstring clang,$(CC)),,-static-libasan -static-libubsan)
else
CPPFLAGS += -D_FORTIFY_SOURCE=2
endif

CPPFLAGS += $(PROTON_CFLAGS) $(MOSQUITTO_CFLAGS) $(SECCOMP_CFLAGS) $(CRYPTO_CFLAGS) $(USER_CPPFLAGS)
CFLAGS   += $(USER_CFLAGS)
LDFLAGS  += $(USER_LDFLAGS)

# --- what there is -------------------------------------------------------------------------------------------------

# names of the sources $(1)/<name>.$(2)
names = $(patsubst $(1)/%.$(2),%,$(wildcard $(1)/*.$(2)))
objects = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
# scripts that a program carries in itself
embedded = $(patsubst %.js,$(BUILD)/obj/%.js.o,$(1))

PROGRAMS := $(call names,bin,c)
SCRIPTS  := $(call names,bin,sh)
# a test program is tests/helper/<name>.c, or that and the folder tests/helper/<name>/, or the folder
SHIMS    := $(filter %-shim,$(call names,tests/helper,c))
HELPERS  := $(sort $(filter-out $(SHIMS),$(call names,tests/helper,c) \
                $(patsubst tests/helper/%/,%,$(dir $(wildcard tests/helper/*/*.c)))))
UNITS    := $(call names,tests/unit,c)
BENCHES  := $(call names,bench,c)
ARCHIVE  := $(BUILD)/libconn.a

BIN_OUT   := $(addprefix $(BUILD)/bin/,$(PROGRAMS) $(SCRIPTS))
TEST_OUT  := $(HELPERS:%=$(BUILD)/tests/%) $(SHIMS:%=$(BUILD)/tests/%.so) $(UNITS:%=$(BUILD)/tests/unit/%)
BENCH_OUT := $(BENCHES:%=$(BUILD)/bench/%)

.PHONY: all programs tests benches asan
all: programs
programs: $(BIN_OUT)
tests: $(TEST_OUT)
benches: $(BENCH_OUT)
asan:
	$(MAKE) BUILD=build/asan programs tests

# --- how it is made ------------------------------------------------------------------------------------------------

LINK = $(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(ARCHIVE)

$(BUILD)/obj/%.o: %.c | $(CONFIG)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/obj/%.js.c: %.js scripts/embed
	@mkdir -p $(@D)
	scripts/embed $< >$@

$(BUILD)/obj/%.js.o: $(BUILD)/obj/%.js.c | $(CONFIG)
	$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$(BUILD)/obj/lib/mapping/js_%.o: CPPFLAGS += $(patsubst -I%,-isystem %,$(JSC_CFLAGS))

$(ARCHIVE): $(call objects,$(filter-out $(SKIP),$(wildcard lib/*/*.c))) $(call embedded,$(wildcard lib/*/*.js))
	@rm -f $@
	$(AR) rcs $@ $^

$(PROGRAMS:%=$(BUILD)/bin/%): $(BUILD)/bin/%: $(BUILD)/obj/bin/%.o $(ARCHIVE)
	@mkdir -p $(@D)
	$(LINK) $(LIBS_$*)

$(SCRIPTS:%=$(BUILD)/bin/%): $(BUILD)/bin/%: bin/%.sh
	@mkdir -p $(@D)
	install -m 755 $< $@

$(foreach name,$(HELPERS),$(eval $(BUILD)/tests/$(name): \
    $(call objects,$(wildcard tests/helper/$(name).c tests/helper/$(name)/*.c))))
# both ends of AMQP share messages and the driver
$(BUILD)/tests/amqp-cat: $(call objects,$(wildcard tests/helper/amqp-peer/*.c))
$(HELPERS:%=$(BUILD)/tests/%): $(ARCHIVE)
	@mkdir -p $(@D)
	$(LINK) $(ALL_LIBS)

$(SHIMS:%=$(BUILD)/tests/%.so): $(BUILD)/tests/%.so: tests/helper/%.c | $(CONFIG)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(filter-out $(SANITIZE),$(CFLAGS)) -fPIC -shared -o $@ $<

$(UNITS:%=$(BUILD)/tests/unit/%): $(BUILD)/tests/unit/%: $(BUILD)/obj/tests/unit/%.o $(ARCHIVE)
	@mkdir -p $(@D)
	$(LINK) $(ALL_LIBS)

$(BENCHES:%=$(BUILD)/bench/%): $(BUILD)/bench/%: $(BUILD)/obj/bench/%.o $(ARCHIVE)
	@mkdir -p $(@D)
	$(LINK) $(ALL_LIBS)

# Fuzzers, tests/fuzz/<name>.c, are built with clang, from sources of the lower floors.
FUZZ_CC    ?= clang-14
FUZZERS    := $(call names,tests/fuzz,c)
FUZZ_OUT   := $(FUZZERS:%=$(BUILD)/fuzz/%)
FUZZ_FLAGS := -std=c11 -O1 -g $(WARNINGS) -fno-omit-frame-pointer -fsanitize=address,undefined \
              -fno-sanitize-recover=undefined
FUZZ_LIB   := $(patsubst %.c,$(BUILD)/fuzz/obj/%.o,$(filter-out $(SKIP),$(wildcard $(foreach floor, \
                  base json line protocol connection,lib/$(floor)/*.c))))

$(BUILD)/fuzz/obj/%.o: %.c | $(CONFIG)
	@mkdir -p $(@D)
	$(FUZZ_CC) -D_GNU_SOURCE -I lib $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link -MMD -MP -c -o $@ $<

$(BUILD)/fuzz/libconn.a: $(FUZZ_LIB)
	@rm -f $@
	$(AR) rcs $@ $^

$(FUZZ_OUT): $(BUILD)/fuzz/%: $(BUILD)/fuzz/obj/tests/fuzz/%.o $(BUILD)/fuzz/libconn.a
	$(FUZZ_CC) $(FUZZ_FLAGS) -fsanitize=fuzzer -o $@ $^

-include $(shell find $(BUILD)/obj $(BUILD)/fuzz/obj -name '*.d' 2>/dev/null)

# --- packages, tests, demo -----------------------------------------------------------------------------------------

.PHONY: deps deps-build deps-test demo check check-long check-asan lint format bench
deps:
	@scripts/deps all
deps-build:
	@scripts/deps build
deps-test:
	@scripts/deps test

# make inside make, where the outer one could not have a configuration yet
BUILD_NOW = $(MAKE) -s $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))

# The last line of these is the tests' own: nothing is printed after it.
check: deps
	@+$(BUILD_NOW) programs tests
	@BUILD=$(BUILD) scripts/check
check-long: export CONN_LONG := 1
check-long: check
check-asan:
	@$(MAKE) BUILD=build/asan check

lint:
	@+$(BUILD_NOW) programs
	@BUILD=$(BUILD) scripts/lint

# FILES="…" formats only these
format:
	clang-format-14 -i $(or $(FILES),$(shell git ls-files '*.c' '*.h'))

demo: deps
	@+$(BUILD_NOW) programs tests
	@BUILD=$(BUILD) AMQP=$(AMQP) scripts/demo.sh

# MINUTES=30 of chaos
.PHONY: soak
soak: deps
	@+$(BUILD_NOW) programs tests
	@BUILD=$(BUILD) scripts/soak $(or $(MINUTES),30)
	@+$(BUILD_NOW) benches
	@BUILD=$(BUILD) scripts/soak-mapping
	@BUILD=$(BUILD) scripts/soak-rings

# FUZZ_SECONDS=600 for each fuzzer
.PHONY: fuzz
fuzz:
	@scripts/deps fuzz
	@+$(BUILD_NOW) $(FUZZ_OUT)
	@BUILD=$(BUILD) FUZZ_SECONDS=$(or $(FUZZ_SECONDS),60) scripts/fuzz

bench: deps
	@scripts/deps bench
	@+$(BUILD_NOW) programs tests benches
	@BUILD=$(BUILD) bench/run.sh
	@BUILD=$(BUILD) bench/amqp.sh
	@BUILD=$(BUILD) bench/edges.sh
	@BUILD=$(BUILD) bench/store.sh -q
	@BUILD=$(BUILD) bench/filter.sh
	@BUILD=$(BUILD) bench/many.sh
	@BUILD=$(BUILD) bench/mapping.sh -n 20000 -r 3
	@BUILD=$(BUILD) bench/protocol.sh
	@BUILD=$(BUILD) bench/twin.sh
	@BUILD=$(BUILD) bench/hub.sh
	@BUILD=$(BUILD) bench/circle.sh

# --- install -------------------------------------------------------------------------------------------------------

EXAMPLES = $(shell find examples -type f 2>/dev/null)
BASHCOMPDIR = $(PREFIX)/share/bash-completion/completions
ZSHCOMPDIR  = $(PREFIX)/share/zsh/site-functions

.PHONY: install uninstall clean help
install: programs
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(MANDIR)/man1 $(DESTDIR)$(MANDIR)/man7 $(DESTDIR)$(DOCDIR)
	$(if $(BIN_OUT),install -m 755 $(BIN_OUT) $(DESTDIR)$(BINDIR))
	$(if $(wildcard man/*.1),install -m 644 $(wildcard man/*.1) $(DESTDIR)$(MANDIR)/man1)
	$(if $(wildcard man/*.7),install -m 644 $(wildcard man/*.7) $(DESTDIR)$(MANDIR)/man7)
	$(if $(EXAMPLES),cp -R --parents $(EXAMPLES) $(DESTDIR)$(DOCDIR))
	$(foreach f,$(wildcard completion/*.bash),install -D -m 644 $f $(DESTDIR)$(BASHCOMPDIR)/$(basename $(notdir $f));)
	$(foreach f,$(wildcard completion/_*),install -D -m 644 $f $(DESTDIR)$(ZSHCOMPDIR)/$(notdir $f);)

uninstall:
	rm -f $(addprefix $(DESTDIR)$(BINDIR)/,$(notdir $(BIN_OUT)))
	rm -f $(addprefix $(DESTDIR)$(MANDIR)/man1/,$(notdir $(wildcard man/*.1)))
	rm -f $(addprefix $(DESTDIR)$(MANDIR)/man7/,$(notdir $(wildcard man/*.7)))
	rm -f $(addprefix $(DESTDIR)$(BASHCOMPDIR)/,$(basename $(notdir $(wildcard completion/*.bash))))
	rm -f $(addprefix $(DESTDIR)$(ZSHCOMPDIR)/,$(notdir $(wildcard completion/_*)))
	rm -rf $(DESTDIR)$(DOCDIR)

clean:
	rm -rf build $(BUILD)

help:
	@echo 'make                     programs, in build/bin'
	@echo 'make deps                Debian packages (deps-build, deps-test: a part of them)'
	@echo 'make demo                the whole house, in one story (AMQP=rabbitmq: with that broker)'
	@echo 'make check               lint and all tests (check-long: more rounds; check-asan: with the sanitizers)'
	@echo 'make lint                format, pages, includes; make format applies the format'
	@echo 'make asan                programs with the sanitizers, in build/asan/bin'
	@echo 'make bench               speed, beside yardsticks'
	@echo 'make soak                MINUTES (30) of random kills, restarts and orders, then a reckoning'
	@echo 'make fuzz                feeds the parsers with rubbish, each for FUZZ_SECONDS (60); needs clang-14'
	@echo 'make install             PREFIX=/usr/local DESTDIR=; make uninstall takes it away'
	@echo 'make clean               removes build/'
	@echo 'DEVELOPER=1              warnings are errors'
	@echo 'BUILD=DIR                builds, or tests what was built, there'
