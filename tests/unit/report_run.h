/* SPDX-License-Identifier: GPL-2.0-only */
/* Runs stampcap report within a test, and looks into what it printed. */
#pragma once

#include "fixture.h"

#include <fcntl.h>
#include <jansson.h>

#include "pcap/pcapng.h"
#include "user/cmd_report.h"
#include "user/log.h"

/* What a run of the verb printed. */
struct run {
	int status;
	char *out, *err;
};

static inline int redirect(FILE *stream, int fd)
{
	int saved;

	fflush(stream);
	saved = dup(fileno(stream));
	assert_true(saved >= 0);
	assert_true(dup2(fd, fileno(stream)) >= 0);
	close(fd);
	return saved;
}

static inline void restore(FILE *stream, int saved)
{
	fflush(stream);
	assert_true(dup2(saved, fileno(stream)) >= 0);
	close(saved);
}

/* `words`: the arguments after "report", NULL at the end. */
static inline struct run run_report(const char *const *words)
{
	char out[FIXTURE_PATH_MAX], err[FIXTURE_PATH_MAX];
	char *argv[16] = { (char *)"report" };
	struct run run;
	int argc = 1, saved_out, saved_err;

	for (; words[argc - 1]; argc++)
		argv[argc] = (char *)words[argc - 1];
	saved_out = redirect(stdout, fixture_file(out));
	saved_err = redirect(stderr, fixture_file(err));
	log_level = 0;
	run.status = cmd_report(argc, argv);
	restore(stdout, saved_out);
	restore(stderr, saved_err);
	run.out = fixture_read(out, NULL);
	run.err = fixture_read(err, NULL);
	unlink(out);
	unlink(err);
	return run;
}
#define RUN(...) run_report((const char *const[]){ __VA_ARGS__, NULL })

static inline void run_free(struct run *run)
{
	free(run->out);
	free(run->err);
}

/* Expects a status and, in stderr, a text; "" means that nothing was said. */
static inline void check_run(struct run run, int status, const char *said)
{
	if (run.status != status || !strstr(run.err, said) || (!said[0] && run.err[0]))
		fail_msg("status %d instead of %d, said: %s", run.status, status, run.err);
	run_free(&run);
}

/* The number at a path of names and, for arrays, indexes: "groups/0/total/count". */
static inline json_int_t number_at(json_t *json, const char *path)
{
	char copy[128], *name, *save = NULL;

	snprintf(copy, sizeof(copy), "%s", path);
	for (name = strtok_r(copy, "/", &save); name; name = strtok_r(NULL, "/", &save))
		json = json_is_array(json) ? json_array_get(json, strtoul(name, NULL, 10)) :
					     json_object_get(json, name);
	if (!json_is_integer(json))
		fail_msg("no number at %s", path);
	return json_integer_value(json);
}

/* A file of one packet without bytes. NULL: no comment. */
static inline void foreign_write(const char *path, const char *section_comment, const char *packet_comment)
{
	struct pcapng_section section = { .app = "another", .comment = section_comment };
	struct pcapng_interface interface = { .link_type = 1 };
	struct pcapng_packet packet = { .queue = PCAPNG_NONE, .comment = packet_comment };
	struct pcapng_writer *w = NULL;

	assert_int_equal(pcapng_writer_new(&w, open(path, O_WRONLY | O_TRUNC | O_CLOEXEC)), 0);
	assert_int_equal(pcapng_write_section(w, &section), 0);
	assert_int_equal(pcapng_write_interface(w, &interface), 0);
	assert_int_equal(pcapng_write_packet(w, &packet), 0);
	assert_int_equal(pcapng_writer_flush(w), 0);
	pcapng_writer_free(w);
}
