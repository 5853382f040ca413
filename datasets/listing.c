/* datasets/listing.c - see listing.h. */
#include "datasets/listing.h"
#include "host/base/file.h"
#include "host/base/memory.h"
#include "host/base/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void ll_listing_image(const ll_garment *garment, char out[LL_LISTING_IMAGE])
{
    char id[LL_GARMENT_ID];

    ll_garment_id(garment, id);
    ll_text_exact(out, LL_LISTING_IMAGE, "images/%s.%s", id, garment->png ? "png" : "jpg");
}

/* A field, quoted if it needs to be, and what follows it; stdio remembers a failure. */
static void put_field(FILE *file, const char *text, char after)
{
    if (strpbrk(text, ",\"\r\n") == NULL) {
        fputs(text, file);
    } else {
        putc('"', file);
        for (const char *at = text; *at != '\0'; at++) {
            if (*at == '"') putc('"', file);
            putc(*at, file);
        }
        putc('"', file);
    }
    putc(after, file);
}

static void put_garment(FILE *file, const ll_garment *g)
{
    char id[LL_GARMENT_ID], image[LL_LISTING_IMAGE], product[LL_GARMENT_ID];
    char name[LL_GARMENT_NAME], price[16];

    ll_garment_id(g, id);
    ll_listing_image(g, image);
    ll_garment_product(g, product);
    ll_garment_name(g, name);
    ll_text_exact(price, sizeof price, "%d.%02d", g->price_cents / 100, g->price_cents % 100);
    put_field(file, id, ',');
    put_field(file, image, ',');
    put_field(file, ll_kind_name(g->kind), ',');
    put_field(file, ll_palette_colour(g->colour)->name, ',');
    put_field(file, ll_pattern_name(g->pattern), ',');
    put_field(file, g->men ? "men" : "women", ',');
    put_field(file, price, ',');
    put_field(file, name, ',');
    put_field(file, product, '\n');
}

/* What was buffered may fail only now: a full disk shows here at the latest. */
static ll_status close_file(FILE *file, const char *path, ll_error *err)
{
    const int failed = fflush(file) != 0 || ferror(file);
    const int cause = errno != 0 ? errno : EIO;

    if (fclose(file) != 0 && !failed)
        return ll_fail(err, LL_ERR_IO, "%s: %s", path, strerror(errno));
    return failed ? ll_fail(err, LL_ERR_IO, "%s: %s", path, strerror(cause)) : LL_OK;
}

ll_status ll_listing_write(const char *folder, const ll_drawing *drawing, ll_error *err)
{
    ll_status status = LL_OK;
    char *path = NULL, *draft = NULL;
    FILE *file = NULL;

    LL_TRY_DONE(ll_text_format(&path, err, "%s/catalog.csv", folder));
    LL_TRY_DONE(ll_text_format(&draft, err, "%s/catalog.csv.part", folder));
    file = fopen(draft, "wb");
    if (file == NULL) {
        status = ll_fail(err, LL_ERR_IO, "%s: %s", draft, strerror(errno));
        goto done;
    }
    fputs("id,image,kind,colour,pattern,collection,price,name,product\n", file);
    for (int64_t i = 0; i < drawing->count && !ferror(file); i++) {
        const ll_garment g =
            ll_garment_make((uint64_t)drawing->seed, i, drawing->side_min, drawing->side_max);
        put_garment(file, &g);
    }
    LL_TRY_DONE(close_file(file, draft, err));
    LL_TRY_DONE(ll_file_publish(draft, path, err));
done:
    if (status != LL_OK && draft != NULL) unlink(draft);
    free(path);
    free(draft);
    return status;
}
