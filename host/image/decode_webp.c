/* host/image/decode_webp.c - WebP through libwebp's animation decoder, as Pillow does it: a still
 * photo is an animation of one frame, and of an animation the first frame counts. */
#include "host/image/exif.h"
#include "host/image/photo.h"

#include <string.h>

#include <webp/decode.h>
#include <webp/demux.h>

static int orientation_of(const WebPAnimDecoder *decoder)
{
    const WebPDemuxer *const demuxer = WebPAnimDecoderGetDemuxer(decoder);
    WebPChunkIterator chunk;
    int orientation = 1;

    memset(&chunk, 0, sizeof chunk);
    if (WebPDemuxGetChunk(demuxer, "EXIF", 1, &chunk))
        orientation = ll_exif_orientation(chunk.chunk.bytes, chunk.chunk.size);
    WebPDemuxReleaseChunkIterator(&chunk);
    return orientation;
}

static ll_status first_frame(WebPAnimDecoder *decoder, ll_photo *photo, ll_error *why)
{
    uint8_t *canvas = NULL; /* (height, width, 4), the decoder's until it goes */
    int end_ms = 0;

    if (!WebPAnimDecoderGetNext(decoder, &canvas, &end_ms))
        return ll_fail(why, LL_ERR_FORMAT, "WebP: damaged or truncated image data");
    LL_TRY(ll_raster_init(&photo->raster, photo->facts->width, photo->facts->height, 4, why));
    memcpy(photo->raster.pixels, canvas,
           (size_t)photo->facts->width * (size_t)photo->facts->height * 4);
    photo->raster.alpha = photo->facts->transparent;
    return LL_OK;
}

ll_status ll_decode_webp(ll_photo *photo, ll_error *why)
{
    const WebPData data = {photo->bytes, photo->size_bytes};
    WebPBitstreamFeatures features;
    WebPAnimDecoderOptions options;
    ll_status status = LL_OK;

    const VP8StatusCode code = WebPGetFeatures(data.bytes, data.size, &features);
    if (code == VP8_STATUS_NOT_ENOUGH_DATA) return ll_fail(why, LL_ERR_FORMAT, "truncated WebP");
    if (code != VP8_STATUS_OK) return ll_fail(why, LL_ERR_FORMAT, "WebP: damaged header");
    photo->facts->transparent = features.has_alpha != 0;
    LL_TRY(ll_photo_declare(photo, features.width, features.height, why));
    if (!WebPAnimDecoderOptionsInit(&options))
        return ll_fail(why, LL_ERR_UNSUPPORTED, "WebP: libwebp of another version");
    options.color_mode = MODE_RGBA;
    WebPAnimDecoder *const decoder = WebPAnimDecoderNew(&data, &options);
    /* libwebp does not tell a damaged file from a lack of memory. */
    if (decoder == NULL) return ll_fail(why, LL_ERR_FORMAT, "truncated or damaged WebP");
    photo->orientation = orientation_of(decoder);
    status = first_frame(decoder, photo, why);
    WebPAnimDecoderDelete(decoder);
    return status;
}
