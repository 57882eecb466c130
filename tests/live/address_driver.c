/*
 * Asks two functions of Postfix's src/global whose own test programs have their questions built in. A line is a
 * question, its fields between tabs:
 *
 *     strip  DELIMITERS  ADDRESS
 *     crunch EXTENSION  IN  OUT  ADDRESSES
 *     map    DELIMITERS  PROPAGATE  IN  QUERY  OUT  TABLES  ADDRESS
 *
 * and the answer a line: what strip_addr_internal() leaves and the extension, or what mail_addr_crunch_opt() or
 * mail_addr_map_opt() makes; forms are those of mail_addr_form_from_string().
 */

#include <sys_defs.h>
#include <string.h>

#include <argv.h>
#include <dict.h>
#include <msg.h>
#include <msg_vstream.h>
#include <mymalloc.h>
#include <vstring.h>
#include <vstring_vstream.h>
#include <vstream.h>

#include <canon_addr.h>
#include <mail_addr_crunch.h>
#include <mail_addr_form.h>
#include <mail_addr_map.h>
#include <mail_params.h>
#include <maps.h>
#include <strip_addr.h>

/* In the place of trivial-rewrite(8). */
VSTRING *canon_addr_external(VSTRING *result, const char *address)
{
    char   *at;

    vstring_strcpy(result, address);
    if (strchr(address, '@') == 0)
	vstring_sprintf_append(result, "@%s", var_myorigin);
    at = strrchr(vstring_str(result), '@');
    if (at[1] != '[' && strchr(at, '.') == 0)
	vstring_sprintf_append(result, ".%s", var_mydomain);
    return (result);
}

static void strip(char **field)
{
    char   *extension = 0;
    char   *rest = strip_addr_internal(field[2], &extension, field[1]);

    if (rest == 0)
	vstream_printf("(nothing)\n");
    else
	vstream_printf("%s|%s\n", rest, extension ? extension : "");
}

static void show(ARGV *found)
{
    int     n;

    for (n = 0; n < found->argc; n++)
	vstream_printf("|%s|", found->argv[n]);
    argv_free(found);
}

static void crunch(char **field)
{
    show(mail_addr_crunch_opt(field[4], field[1][0] ? field[1] : 0, mail_addr_form_from_string(field[2]),
			      mail_addr_form_from_string(field[3])));
    vstream_printf("\n");
}

static void map(char **field)
{
    MAPS   *maps = maps_create("driver", field[6], DICT_FLAG_LOCK | DICT_FLAG_FOLD_FIX | DICT_FLAG_UTF8_REQUEST);
    ARGV   *found;

    var_rcpt_delim = field[1];
    found = mail_addr_map_opt(maps, field[7], field[2][0] == '1', mail_addr_form_from_string(field[3]),
			      mail_addr_form_from_string(field[4]), mail_addr_form_from_string(field[5]));
    if (found == 0)
	vstream_printf(maps->error ? "(try again)" : "(nothing)");
    else
	show(found);
    vstream_printf("\n");
    maps_free(maps);
}

int     main(int argc, char **argv)
{
    VSTRING *line = vstring_alloc(100);

    msg_vstream_init(argv[0], VSTREAM_ERR);
    mail_params_init();
    var_myorigin = "localdomain";
    var_mydomain = "localdomain";
    while (vstring_get_nonl(line, VSTREAM_IN) != VSTREAM_EOF) {
	char   *field[8];
	char   *at = vstring_str(line);
	int     n;

	for (n = 0; n < 8 && at != 0; n++)
	    field[n] = strsep(&at, "\t");
	if (n == 3 && strcmp(field[0], "strip") == 0)
	    strip(field);
	else if (n == 5 && strcmp(field[0], "crunch") == 0)
	    crunch(field);
	else if (n == 8 && strcmp(field[0], "map") == 0)
	    map(field);
	else
	    msg_fatal("a question is not understood");
	vstream_fflush(VSTREAM_OUT);
    }
    return (0);
}
