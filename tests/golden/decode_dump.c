/* tests/golden/decode_dump.c - what ll_image_load makes of files, for a judge that is not ours.
 *
 * Each line of stdin is "GEOMETRY RESIZE EXIF ALPHA DECODER PATH", the options spelled as on the
 * command line, "-" for the default. For each, stdout gets one line,
 *   "WIDTH HEIGHT TRANSPARENT ROTATED REASON\n", and the 224 x 224 x 3 bytes if there is no reason.
 */
#include "host/image/decode.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINE = 4096 };

static ll_image_options parse(char word[5][16])
{
    ll_image_options options = ll_image_options_default();

    if (strcmp(word[0], "torchvision") == 0) options.geometry = LL_GEOMETRY_TORCHVISION;
    if (strcmp(word[1], "nearest") == 0) options.resize = LL_RESIZE_NEAREST;
    if (strcmp(word[1], "bilinear") == 0) options.resize = LL_RESIZE_BILINEAR;
    options.exif = strcmp(word[2], "apply") == 0 ? LL_EXIF_APPLY : LL_EXIF_IGNORE;
    options.alpha = strcmp(word[3], "white") == 0 ? LL_ALPHA_WHITE : LL_ALPHA_DROP;
    if (strcmp(word[4], "stb") == 0) options.jpeg = LL_DECODER_STB;
    return options;
}

int main(void)
{
    static uint8_t pixels[LL_IMAGE_BYTES];
    char line[LINE], word[5][16];
    int path = 0;

    while (fgets(line, sizeof line, stdin) != NULL) {
        ll_image_facts facts;
        ll_error err = LL_ERROR_INIT;

        line[strcspn(line, "\n")] = '\0';
        if (sscanf(line, "%15s %15s %15s %15s %15s %n", word[0], word[1], word[2], word[3], word[4],
                   &path) != 5)
            return 2;
        const ll_image_options options = parse(word);
        const int fd = open(line + path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0) return 3;
        const ll_status status = ll_image_load(fd, &options, pixels, &facts, &err);
        close(fd);
        if (status != LL_OK) {
            fprintf(stderr, "%s: %s\n", line + path, err.text);
            return 3;
        }
        printf("%d %d %d %d %s\n", facts.width, facts.height, facts.transparent, facts.rotated,
               facts.reason);
        if (facts.reason[0] == '\0' && fwrite(pixels, 1, sizeof pixels, stdout) != sizeof pixels)
            return 3;
        if (fflush(stdout) != 0) return 3;
    }
    return 0;
}
