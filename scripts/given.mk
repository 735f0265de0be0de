# What is given on make's command line: checked against what the targets take, and handed to their
# recipes in the environment, letter by letter. No value is ever part of a recipe or of a command of
# the shell, so that nothing in it is run. Before this, a makefile says what its TARGETS are, and what
# each takes: gate.takes := RULE …, and which of those are FLAGS. GNU make 3.81 has all that is used.

GOALS := $(or $(MAKECMDGOALS),$(.DEFAULT_GOAL))
TAKEN := $(strip $(foreach t,$(GOALS),$($t.takes)) PYTHON)
GIVEN := $(strip $(foreach v,$(.VARIABLES),$(if $(filter command,$(firstword $(origin $v))),$v)))
# Not the caller's shell: recipes are written for this one.
override SHELL := /bin/sh
override .SHELLFLAGS := -c

empty  :=
joined  = $(subst $(empty) $(empty), or ,$(strip $1))
takers  = $(call joined,$(foreach t,$(TARGETS),$(if $(filter $1,$($t.takes)),$t)))
quoted  = '$(subst ','\'',$1)'
# Names of variables and targets only, and only on the way to an error.
CLOSE   = import difflib, sys; names = {one.lower(): one for one in sys.argv[3:]}; \
	near = difflib.get_close_matches(sys.argv[2].lower(), names, 3, float(sys.argv[1])); \
	print(*(names[one] for one in near))
near    = $(shell python3 -I -c '$(CLOSE)' $3 $(call quoted,$1) $2 2>/dev/null)

# Bash sets this one where it completes the name of a target.
ifeq ($(origin __BASH_MAKE_COMPLETION__),undefined)
# A run that ignores failures, runs nothing, or lets the environment redefine this file tells nothing.
$(foreach f,e i t,$(if $(findstring $f,$(filter-out --%,$(firstword -$(MAKEFLAGS)))),\
  $(error problem: make -$f: what fails would not be seen.  fix: leave -$f out, in MAKEFLAGS too)))

$(foreach t,$(filter-out $(TARGETS),$(GOALS)),\
  $(error problem: there is no target $t.  fix: make $(or \
    $(call joined,$(call near,$t,$(TARGETS),0.5)),help lists them)))

$(foreach v,$(filter TOKEN CONTRACT_TOKEN,$(GIVEN)),\
  $(error problem: $v on a command line is seen by others.  fix: set the variable CONTRACT_TOKEN in the environment))

$(foreach v,$(filter-out $(TAKEN),$(GIVEN)),\
  $(error problem: make $(GOALS) does not take $v.  fix: $(or \
    $(call joined,$(call near,$(patsubst CONTRACT_%,%,$v),$(TAKEN),$(if \
    $(call takers,$v),0.8,0.5))),leave it out$(if $(call takers,$v),,; $(GOALS) takes $(TAKEN)))$(if \
    $(call takers,$v),; $v is for make $(call takers,$v))))

$(foreach v,$(filter-out $(FLAGS),$(GIVEN)),$(if $(strip $(value $v)),,\
  $(error problem: $v is empty.  fix: leave it out, or $v=value)))

$(foreach v,$(filter $(FLAGS),$(GIVEN)),$(if $(filter-out 0 1,$(value $v))$(word 2,$(value $v)),\
  $(error problem: $v is neither 1 nor 0.  fix: $v=1)))

# The environment holds the token, and no setting: what a shell, a job or a profile has set must not
# narrow a run that nobody narrowed. Help is there all the same.
strangers := $(if $(filter-out help,$(GOALS)),$(filter-out CONTRACT_TOKEN,$(filter CONTRACT_%,$(.VARIABLES))))
$(foreach v,$(strangers),$(if $(filter environment,$(firstword $(origin $v))),$(if $(strip $(value $v)),\
  $(error problem: $v is set in the environment, where make reads CONTRACT_TOKEN only.  fix: unset $v$(if \
    $(call takers,$(patsubst CONTRACT_%,%,$v)),; make $(firstword $(GOALS)) $(patsubst CONTRACT_%,%,$v)=…)))))
endif

# A variable that is set here has this value and no other: $ and all else in it stands for itself.
$(foreach v,$(filter $(TAKEN),$(GIVEN)),$(eval override $v := $$(value $v))$(eval export $v))

# Neither what is not given, nor what is meant for other runs of Python and pytest: processes that a
# test starts are not isolated (PYTHONOPTIMIZE, PYTEST_ADDOPTS and the like).
unexport $(filter-out $(GIVEN),$(filter PYTHON% PYTEST_%,$(.VARIABLES)) $(foreach t,$(TARGETS),$($t.takes)))
# Compiled modules stay below .venv, whatever the caller's environment says: pytest would rewrite its
# plugins each time.
export PYTHONPYCACHEPREFIX := $(CURDIR)/.venv/pycache
# Messages name make's commands and variables.
export IMAGE_BUILD_CONTRACT_USAGE := make
# A make that a recipe calls is given nothing by this one.
override MAKEOVERRIDES :=

# An option of a command with the value of a variable, where one is given; a flag where it is 1; and
# the settings of the gate in the variables that it reads.
option   = $${$1:+"$2=$$$1"}
flag     = $(if $(filter $1,$(GIVEN)),$(if $(filter 1,$(value $1)),$2))
settings = $(foreach v,$1,CONTRACT_$v="$$$v")
