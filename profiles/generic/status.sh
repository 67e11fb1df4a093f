# Tell Snakemake how the job with this number is: running, success or failed.
case $(squeue --noheader --states=all --format=%T --jobs="$1") in
  PENDING | CONFIGURING | RUNNING | COMPLETING | SUSPENDED) echo running ;;
  COMPLETED) echo success ;;
  *) echo failed ;;
esac
