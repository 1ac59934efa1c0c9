# conntools (GNU make). `make` builds build/bin/*, `make check` tests it, `make demo` shows it.
#
# One archive, libconn.a, holds everything under lib/. Each bin/<name>.c is one program, linked with that archive and
# with the libraries its line in the table below names: only what needs a broker library links it.
# BUILD=DIR builds somewhere else; a BUILD whose last part is "asan" is built with the sanitizers.

BUILD ?= build
CONFIG := build/config.mk
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:

# --- what needs which library ------------------------------------------------------------------------------------
LIBS_amqp-in      = $(PROTON_LIBS)
LIBS_mqtt-out     = $(MOSQUITTO_LIBS)
LIBS_ditto-map    = $(JQ_LIBS) $(SECCOMP_LIBS)
LIBS_conn-store   = $(GDBM_LIBS)
LIBS_conn-journal = $(GDBM_LIBS)

# Test and bench programs may use any of them; --as-needed keeps what one does use.
ALL_LIBS = $(PROTON_LIBS) $(MOSQUITTO_LIBS) $(GDBM_LIBS) $(JQ_LIBS) $(SECCOMP_LIBS)

# --- goals that must work before there is a compiler ---------------------------------------------------------------
EARLY := deps deps-build deps-test clean demo check check-long check-asan bench lint format help
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
# The runtimes are linked statically, so that a preloaded shim need not come second.
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
CFLAGS   += $(SANITIZE)
LDFLAGS  += $(SANITIZE) $(if $(findstring clang,$(CC)),,-static-libasan -static-libubsan)
else
CPPFLAGS += -D_FORTIFY_SOURCE=2
endif

CPPFLAGS += $(PROTON_CFLAGS) $(MOSQUITTO_CFLAGS) $(SECCOMP_CFLAGS) $(USER_CPPFLAGS)
CFLAGS   += $(USER_CFLAGS)
LDFLAGS  += $(USER_LDFLAGS)
COMPILE   = $(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP

# --- what there is -------------------------------------------------------------------------------------------------
LIB_SRC   := $(wildcard lib/*/*.c)
PROGRAMS  := $(patsubst bin/%.c,%,$(wildcard bin/*.c))
SCRIPTS   := $(patsubst bin/%.sh,%,$(wildcard bin/*.sh))
SHIMS     := $(patsubst tests/helper/%.c,%,$(wildcard tests/helper/*-shim.c))
HELPERS   := $(filter-out $(SHIMS),$(patsubst tests/helper/%.c,%,$(wildcard tests/helper/*.c)))
UNITS     := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/*.c))
BENCHES   := $(patsubst bench/%.c,%,$(wildcard bench/*.c))

LIB_OBJ   := $(LIB_SRC:%.c=$(BUILD)/obj/%.o)
ARCHIVE   := $(BUILD)/libconn.a
BIN_OUT   := $(PROGRAMS:%=$(BUILD)/bin/%) $(SCRIPTS:%=$(BUILD)/bin/%)
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
$(BUILD)/obj/%.o: %.c | $(CONFIG)
	@mkdir -p $(@D)
	$(COMPILE) -c -o $@ $<

$(ARCHIVE): $(LIB_OBJ)
	@mkdir -p $(@D)
	@rm -f $@
	$(AR) rcs $@ $(LIB_OBJ)

$(BUILD)/bin/%: $(BUILD)/obj/bin/%.o $(ARCHIVE)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< $(ARCHIVE) $(LIBS_$*)

$(BUILD)/bin/%: bin/%.sh
	@mkdir -p $(@D)
	install -m 755 $< $@

$(BUILD)/tests/%.so: tests/helper/%.c | $(CONFIG)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(filter-out $(SANITIZE),$(CFLAGS)) -fPIC -shared -o $@ $< -ldl

$(BUILD)/tests/unit/%: $(BUILD)/obj/tests/unit/%.o $(ARCHIVE)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< $(ARCHIVE) $(ALL_LIBS)

$(BUILD)/tests/%: $(BUILD)/obj/tests/helper/%.o $(ARCHIVE)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< $(ARCHIVE) $(ALL_LIBS)

$(BUILD)/bench/%: $(BUILD)/obj/bench/%.o $(ARCHIVE)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< $(ARCHIVE) $(ALL_LIBS)

.SECONDARY:
-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

.PHONY: clean
clean:
	rm -rf build $(BUILD)
