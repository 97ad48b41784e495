/*
 * What TVM's libraries import from OpenBLAS and oneDNN, without either: nothing that this package compiles calls these
 * functions, and the two are 100 MB. Products are plain loops, correct and slow. All else reports "unimplemented", which TVM
 * turns into an error.
 */
#define ROW_MAJOR 101 /* CBLAS's enumerations: 102 is by columns; 111 as is, 112 transposed, 113 conjugated too */
#define AS_IS 111

#define PRODUCT(name, real)                                                                        \
  static void name(int as_is_a, int as_is_b, long m, long n, long k, real alpha, const real *a,    \
                   long lda, const real *b, long ldb, real beta, real *c, long ldc) {              \
    for (long i = 0; i < m; i++) {                                                                 \
      for (long j = 0; j < n; j++) {                                                               \
        real sum = 0;                                                                              \
        for (long p = 0; p < k; p++) {                                                             \
          sum += (as_is_a ? a[i * lda + p] : a[p * lda + i]) *                                     \
                 (as_is_b ? b[p * ldb + j] : b[j * ldb + p]);                                      \
        }                                                                                          \
        /* Where beta is zero C is not read: it may hold anything. */                              \
        c[i * ldc + j] = beta == 0 ? alpha * sum : alpha * sum + beta * c[i * ldc + j];            \
      }                                                                                            \
    }                                                                                              \
  }

PRODUCT(product_float, float)
PRODUCT(product_double, double)

/* Stored by columns is transposed and stored by rows: C' = B' A'. */
#define CBLAS(name, real, product)                                                                 \
  void name(int order, int trans_a, int trans_b, int m, int n, int k, real alpha, const real *a,   \
            int lda, const real *b, int ldb, real beta, real *c, int ldc) {                        \
    const int as_is_a = trans_a == AS_IS, as_is_b = trans_b == AS_IS;                              \
    if (order == ROW_MAJOR) {                                                                      \
      product(as_is_a, as_is_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);                     \
    } else {                                                                                       \
      product(as_is_b, as_is_a, n, m, k, alpha, b, ldb, a, lda, beta, c, ldc);                     \
    }                                                                                              \
  }

CBLAS(cblas_sgemm, float, product_float)
CBLAS(cblas_dgemm, double, product_double)

/* TVM does not look at what this one returns. */
int dnnl_sgemm(char trans_a, char trans_b, long m, long n, long k, float alpha, const float *a,
               long lda, const float *b, long ldb, float beta, float *c, long ldc) {
  product_float(trans_a == 'N' || trans_a == 'n', trans_b == 'N' || trans_b == 'n', m, n, k, alpha,
                a, lda, b, ldb, beta, c, ldc);
  return 0;
}

#define UNIMPLEMENTED 3
#define STATUS(name) int name(void) { return UNIMPLEMENTED; }

unsigned long dnnl_memory_desc_get_size(void) { return 0; }
int dnnl_memory_desc_equal(void) { return 0; }
int dnnl_post_ops_len(void) { return 0; }
const void *dnnl_primitive_desc_query_md(void) { return 0; }

STATUS(dnnl_batch_normalization_forward_desc_init)
STATUS(dnnl_binary_desc_init)
STATUS(dnnl_convolution_forward_desc_init)
STATUS(dnnl_dilated_convolution_forward_desc_init)
STATUS(dnnl_dilated_deconvolution_forward_desc_init)
STATUS(dnnl_eltwise_forward_desc_init)
STATUS(dnnl_engine_create)
STATUS(dnnl_engine_destroy)
STATUS(dnnl_inner_product_forward_desc_init)
STATUS(dnnl_layer_normalization_v2_forward_desc_init)
STATUS(dnnl_matmul_desc_init)
STATUS(dnnl_memory_create)
STATUS(dnnl_memory_desc_init_by_strides)
STATUS(dnnl_memory_desc_init_by_tag)
STATUS(dnnl_memory_desc_init_submemory)
STATUS(dnnl_memory_desc_permute_axes)
STATUS(dnnl_memory_desc_reshape)
STATUS(dnnl_memory_destroy)
STATUS(dnnl_memory_get_data_handle)
STATUS(dnnl_memory_get_engine)
STATUS(dnnl_memory_get_memory_desc)
STATUS(dnnl_pooling_v2_forward_desc_init)
STATUS(dnnl_post_ops_append_eltwise)
STATUS(dnnl_post_ops_append_sum)
STATUS(dnnl_post_ops_clone)
STATUS(dnnl_post_ops_create)
STATUS(dnnl_post_ops_destroy)
STATUS(dnnl_primitive_attr_create)
STATUS(dnnl_primitive_attr_destroy)
STATUS(dnnl_primitive_attr_get_post_ops)
STATUS(dnnl_primitive_attr_set_output_scales)
STATUS(dnnl_primitive_attr_set_post_ops)
STATUS(dnnl_primitive_attr_set_scratchpad_mode)
STATUS(dnnl_primitive_create)
STATUS(dnnl_primitive_desc_destroy)
STATUS(dnnl_primitive_desc_iterator_create)
STATUS(dnnl_primitive_desc_iterator_destroy)
STATUS(dnnl_primitive_desc_iterator_fetch)
STATUS(dnnl_primitive_desc_query)
STATUS(dnnl_primitive_destroy)
STATUS(dnnl_primitive_execute)
STATUS(dnnl_primitive_get_primitive_desc)
STATUS(dnnl_reorder_primitive_desc_create)
STATUS(dnnl_softmax_forward_desc_init)
STATUS(dnnl_stream_create)
STATUS(dnnl_stream_destroy)
STATUS(dnnl_stream_wait)
