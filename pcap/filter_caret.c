// SPDX-License-Identifier: GPL-2.0-only
/* Finds the word of an expression that libpcap's message is about: filter_caret.h. */
#include "pcap/filter_caret.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MESSAGE_MAX PCAP_ERRBUF_SIZE
#define SEARCH_NS 800000000ull
#define NS_PER_S 1000000000ull
#define OPTIMIZED_WORDS_MAX 64 /* 500 hosts take libpcap's optimizer five seconds, 1000 more than forty */

/*
 * A number that libpcap's scanner refuses, in words of its own that quote it, as soon as the parser asks for it. The parser asks for the next token only when
 * it has accepted those before: so "PREFIX 99999999999" gets this message where the prefix can begin an expression, and "syntax error" where it cannot.
 */
#define SENTINEL "99999999999"

/* A word as libpcap's scanner (scanner.l) cuts the expression. */
struct word {
	size_t at, len;
	const char *address;  /* what a host's or network's name could be here; NULL: names here are of other things */
	const char *stand_in; /* what the search writes instead, for a name would be looked up again; NULL: the word itself */
};

struct search {
	pcap_t *handle;
	uint32_t netmask;
	const char *expression, *message; /* ours: the handle's is overwritten by every compilation */
	struct word *words;
	size_t count;
	char *probe; /* a part of the expression with room for what is put behind it */
	uint64_t deadline_ns;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* ---- the words */

/* Length of the longest IPv6 address that `text` begins with; 0 none. */
static size_t address6_len(const char *text)
{
	size_t len = strspn(text, "0123456789abcdefABCDEF:.");
	char copy[INET6_ADDRSTRLEN];
	struct in6_addr address;

	if (len >= sizeof(copy))
		len = sizeof(copy) - 1;
	for (; len > 1; len--) {
		memcpy(copy, text, len);
		copy[len] = '\0';
		if (inet_pton(AF_INET6, copy, &address) == 1)
			return len;
	}
	return 0;
}

/* Length of the Ethernet address with colons that `text` begins with, or of what the scanner calls a bogus one ("1:2:"); 0 none. */
static size_t mac_len(const char *text)
{
	size_t len = 0, groups = 0, digits;

	for (;;) {
		digits = 0;
		while (digits < 2 && isxdigit((unsigned char)text[len + digits]))
			digits++;
		if (groups == 5 && digits && text[len + digits] != ':')
			return len + digits;
		if (!digits || text[len + digits] != ':')
			break;
		len += digits + strspn(text + len + digits, ":");
		groups++;
	}
	return groups > 1 ? len : 0;
}

/* A name, a number, an IPv4 address and the like: letters, digits and "-_." in between. */
static size_t name_len(const char *text)
{
	size_t len = 0, i;

	if (!isalnum((unsigned char)text[0]))
		return 0;
	for (i = 0; isalnum((unsigned char)text[i]) || (text[i] && strchr("-_.", text[i])); i++)
		if (text[i] != '-' && text[i] != '_')
			len = i + 1;
	return len;
}

static size_t operator_len(const char *text)
{
	static const char *const pairs[] = { ">=", "<=", "!=", "==", "<<", ">>", "&&", "||" };
	size_t i;

	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if (!strncmp(text, pairs[i], 2))
			return 2;
	return 1;
}

static size_t longest(size_t a, size_t b)
{
	return a > b ? a : b;
}

static size_t word_len(const char *text)
{
	size_t len = longest(longest(address6_len(text), mac_len(text)), name_len(text));

	if (!len && text[0] == '\\')
		len = 1 + strcspn(text + 1, " !()\n\t");
	if (!len && text[0] == '$')
		len = 1 + name_len(text + 1);
	return len ? len : operator_len(text);
}

static int words_cut(struct search *s)
{
	const char *text = s->expression;
	size_t at = 0;

	s->words = calloc(strlen(text) + 1, sizeof(*s->words));
	if (!s->words)
		return -ENOMEM;
	for (at += strspn(text, " \t\r\n"); text[at]; at += strspn(text + at, " \t\r\n")) {
		s->words[s->count] = (struct word){ .at = at, .len = word_len(text + at) };
		at += s->words[s->count++].len;
	}
	return 0;
}

static bool word_is(const struct search *s, size_t i, const char *list)
{
	const char *end;

	for (; *list; list = end + !!*end) {
		end = strchrnul(list, ' ');
		if ((size_t)(end - list) == s->words[i].len &&
		    !memcmp(list, s->expression + s->words[i].at, s->words[i].len))
			return true;
	}
	return false;
}

/* ---- compiling parts */

/* libpcap's message about s->probe; NULL: it compiles. */
static const char *probe_message(const struct search *s, int optimize)
{
	struct bpf_program program;

	if (pcap_compile(s->handle, &program, s->probe, optimize, s->netmask))
		return pcap_geterr(s->handle);
	pcap_freecode(&program);
	return NULL;
}

/* Writes the first `count` words, or what stands in for them, a space behind each: the scanner skips it. Returns the length. */
static size_t probe_write(const struct search *s, size_t count)
{
	size_t i, len = 0;

	for (i = 0; i < count; i++) {
		const struct word *w = &s->words[i];
		const char *from = w->stand_in ? w->stand_in : s->expression + w->at;
		size_t word_bytes = w->stand_in ? strlen(w->stand_in) : w->len;

		memcpy(s->probe + len, from, word_bytes);
		len += word_bytes;
		s->probe[len++] = ' ';
	}
	s->probe[len] = '\0';
	return len;
}

/* Whether the parser, not knowing what follows, would still take the first `count` words. */
static bool can_begin(const struct search *s, size_t count)
{
	const char *message;

	strcpy(s->probe + probe_write(s, count), SENTINEL);
	message = probe_message(s, 0);
	return message && strstr(message, SENTINEL);
}

/* The message about the first `count` words, with what no expression goes on with behind them: nothing but the parser gets to work, libpcap's rest is slow. */
static const char *parser_message(const struct search *s, size_t count)
{
	strcpy(s->probe + probe_write(s, count), "]]");
	return probe_message(s, 0);
}

/* The message about the first `count` words as an expression of their own, open parentheses closed. */
static const char *whole_message(const struct search *s, size_t count)
{
	size_t i, len = probe_write(s, count), open = 0;

	for (i = 0; i < count; i++) {
		if (word_is(s, i, "("))
			open++;
		else if (word_is(s, i, ")") && open)
			open--;
	}
	memset(s->probe + len, ')', open);
	s->probe[len + open] = '\0';
	return probe_message(s, 1);
}

/* ---- names are not looked up again */

/* `on NAME` is of interest to OpenBSD only: elsewhere it says so, without a look at the name, but a reserved word is a syntax error there. */
static bool is_name(const struct search *s, size_t i)
{
	const struct word *w = &s->words[i];
	const char *message;

	if (!isalnum((unsigned char)s->expression[w->at]) || strspn(s->expression + w->at, "0123456789.") >= w->len ||
	    word_is(s, i, "and or not host net src dst port ip ip6 tcp udp")) /* the frequent ones, for speed */
		return false;
	snprintf(s->probe, w->len + 4, "on %s", s->expression + w->at);
	message = probe_message(s, 0);
	return !message || !strstr(message, "syntax error");
}

/* The address of the family that the qualifiers before word `i`, itself one, ask for; NULL: they are about Ethernet. */
static const char *qualified_address(const struct search *s, size_t i)
{
	while (i--) {
		if (word_is(s, i, "ip6"))
			return "::1";
		if (word_is(s, i, "ether link fddi tr wlan"))
			return NULL;
		if (!word_is(s, i, "host net src dst or and"))
			break;
	}
	return "1.2.3.4";
}

/* Qualifiers hold for the names behind them until the next ones: "host a or b". Names of other things than hosts and networks are looked up in files. */
static void addresses_set(struct search *s)
{
	const char *address = NULL;
	size_t i;

	for (i = 0; i < s->count; i++) {
		if (word_is(s, i, "port portrange proto protochain gateway on ifname rset ruleset reason action type subtype dir direction"))
			address = NULL;
		else if (word_is(s, i, "host net src dst"))
			address = qualified_address(s, i);
		s->words[i].address = address;
	}
}

static void names_replace(struct search *s)
{
	size_t i;

	for (i = 0; i < s->count && now_ns() < s->deadline_ns; i++)
		if (s->words[i].address && is_name(s, i))
			s->words[i].stand_in = s->words[i].address;
}

/* ---- the word */

/* Column of the first word that the parser does not accept. Whether it accepts `n` words is monotone in n. */
static int syntax_column(const struct search *s)
{
	size_t good = 0, bad = s->count + 1;

	if (!can_begin(s, 0))
		return -1; /* a libpcap with another scanner */
	while (bad - good > 1) {
		size_t middle = good + (bad - good) / 2;

		if (now_ns() > s->deadline_ns)
			return -1;
		if (can_begin(s, middle))
			good = middle;
		else
			bad = middle;
	}
	return (int)(good < s->count ? s->words[good].at : strlen(s->expression));
}

static bool same_message(const struct search *s, const char *message)
{
	return message && !strcmp(message, s->message);
}

/* Index of the word with which the message appears. The parser stops there, so the message is that of every longer part too. -1: unknown. */
static int parser_word(const struct search *s)
{
	size_t without = 0, with = s->count;

	while (with - without > 1) {
		size_t middle = without + (with - without) / 2;

		if (now_ns() > s->deadline_ns)
			return -1;
		if (same_message(s, parser_message(s, middle)))
			with = middle;
		else
			without = middle;
	}
	/* The word behind the culprit may be what made the parser decide. */
	if (without && with <= OPTIMIZED_WORDS_MAX && same_message(s, whole_message(s, without)))
		with = without;
	return (int)with - 1;
}

/* As parser_word(), for a message about code as a whole ("expression rejects all packets"): the word after the longest part that compiles. */
static int optimizer_word(const struct search *s)
{
	size_t good = s->count, i;

	while (good && now_ns() < s->deadline_ns && whole_message(s, good))
		good--;
	for (i = good + 1; i <= s->count && now_ns() < s->deadline_ns; i++)
		if (same_message(s, whole_message(s, i)))
			return (int)i - 1;
	return -1;
}

static int message_word(const struct search *s)
{
	if (!s->count)
		return -1;
	if (same_message(s, parser_message(s, s->count)))
		return parser_word(s);
	return s->count <= OPTIMIZED_WORDS_MAX ? optimizer_word(s) : -1;
}

/* Whether what the message quotes, in '' or "", begins with word `i`. */
static bool quotes_word(const struct search *s, size_t i)
{
	const char *begin = strpbrk(s->message, "'\""), *end = begin ? strchr(begin + 1, *begin) : NULL;
	const char *text = s->expression + s->words[i].at;
	size_t len = end ? (size_t)(end - begin) - 1 : 0;

	if (!len)
		return false;
	text += text[0] == '\\' && begin[1] != '\\';
	return !strncmp(text, begin + 1, len) && !name_len(text + len);
}

/* Column of what the message quotes: the last one not after word `last`. -1: nowhere. */
static int quoted_column(const struct search *s, size_t last)
{
	size_t i = last < s->count ? last + 1 : s->count;

	while (i--)
		if (quotes_word(s, i))
			return (int)s->words[i].at;
	return -1;
}

/* A name that was not found: the parser stopped at the first of its words that is looked up like that. Asking again would take as long again. */
static int unknown_column(const struct search *s)
{
	bool address = strstr(s->message, "unknown host '") || strstr(s->message, "unknown network '");
	int column = -1, other = -1;
	size_t i;

	for (i = s->count; i--;) {
		if (!quotes_word(s, i))
			continue;
		other = (int)s->words[i].at;
		if (!!s->words[i].address == address)
			column = other;
	}
	return column >= 0 ? column : other;
}

static int column_find(struct search *s)
{
	int column, word;

	addresses_set(s);
	if (strstr(s->message, "unknown ")) {
		column = unknown_column(s);
		if (column >= 0)
			return column;
	}
	names_replace(s);
	if (strstr(s->message, "syntax error"))
		return syntax_column(s);
	word = message_word(s);
	column = quoted_column(s, word < 0 ? s->count : (size_t)word);
	if (column >= 0 || word < 0)
		return column;
	return (int)s->words[word].at;
}

int filter_caret_find(pcap_t *handle, uint32_t netmask, const char *expression, const char *message)
{
	char copy[MESSAGE_MAX];
	struct search s = {
		.handle = handle,
		.netmask = netmask,
		.expression = expression,
		.message = copy,
		.deadline_ns = now_ns() + SEARCH_NS,
	};
	int column = -1;

	snprintf(copy, sizeof(copy), "%s", message);
	/* Of each byte a word, in its stead a stand-in of seven bytes, a space, and a parenthesis to close: nine. */
	s.probe = calloc(1, strlen(expression) * 9 + sizeof(SENTINEL));
	if (s.probe && !words_cut(&s))
		column = column_find(&s);
	free(s.words);
	free(s.probe);
	return column;
}
