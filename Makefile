# make demo: a painted screen, from raw images to a report. make config FOLDER=/data/screen: a config and a wells table for a
# folder of images. make preview CONFIG=config/mine.yaml: in seconds, what is understood of a config, of its tables and of
# some of its images, and what a run will take. make check CONFIG=...: what is wrong with it, or what it would run.
# make test: the tests; with FAST=1 those for every edit, which run no workflow; with SLOW=1 also those that take long,
# such as a real plate from end to end. All set themselves up.
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
CORES ?= 2
export OMP_WAIT_POLICY := PASSIVE
unexport PYTHONDONTWRITEBYTECODE # every step and test process would compile our modules, and pytest the tests, again

# Python and steps are started by a shell, which takes a blank or a bracket in their path for its own.
ifneq ($(shell pwd | LC_ALL=C tr -d 'A-Za-z0-9/._+,@=~:%\200-\377-'),)
$(error the path of this folder has blanks or brackets: move it to a path without them, such as $(HOME)/wellread)
endif

.PHONY: demo config preview check test lint manual clean

demo: $(VENV)/done
	$(BIN)/snakemake --cores $(CORES) --configfile config/config.yaml
	@echo "The report: results/reports/demo.html"

config: $(VENV)/done
	PYTHONPATH=workflow $(BIN)/python -m wellread.preview.draft $(FOLDER)

preview: $(VENV)/done
	PYTHONPATH=workflow $(BIN)/python -m wellread.preview.preview $(CONFIG) --cores $(CORES)

check: $(VENV)/done
	cd workflow && ../$(BIN)/python -m wellread.plan.yaml_slips $(abspath $(CONFIG))
	$(BIN)/snakemake -n --configfile $(CONFIG)

test: $(VENV)/done
	$(BIN)/pytest -n $(if $(SLOW),$$(($(CORES) * 2)),$(CORES)) --dist loadfile --no-loadscope-reorder $(if $(SLOW),,-m "not slow$(if $(FAST), and not dag)")

lint: $(VENV)/done
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/snakefmt --check workflow
	$(BIN)/codespell
	$(BIN)/snakemake --lint --configfile config/config.yaml

manual: $(VENV)/done
	cd workflow && ../$(BIN)/python -m wellread.plan.manual

clean:
	rm -rf results/[!R]* .snakemake .pytest_cache .ruff_cache

$(VENV)/done: requirements.lock
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --requirement requirements.lock
	touch $@
