/*
 * irc-client-template: the template by itself, linked with what workers need
 * and statically, so that a fork has little to copy. A socket layer starts it;
 * without it irc-client is its own template (template_file.h).
 */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "build.h"
#include "huge_text.h"
#include "near.h"
#include "options.h"
#include "rseq.h"
#include "template.h"
#include "title.h"


int
main(int argc, char **argv)
{
    if (argc != 2 || strcmp(argv[1], OPTION_TEMPLATE) != 0) {
        (void) fprintf(stderr,
                       "irc-client-template: irc-client starts it, when it "
                       "finds it beside itself (%s)\n",
                       build_id);
        return 1;
    }

    rseq_leave();
    huge_text_map();
    title_init(argc, argv, environ);

    near_run(template_run);
}
