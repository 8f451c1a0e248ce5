# Reference numbers from R's riskRegression (whose AUC is that of timeROC, and whose Brier score is
# that of pec), for tests/mmsurv.
#
# Run in this folder, after survival.R:   Rscript prediction.R
# Needs the packages survival, riskRegression and jsonlite. Reads cohort.csv and survival.json, writes
# prediction.json. On the times without ties, where every convention of the censoring weights agrees.

suppressPackageStartupMessages({library(survival); library(riskRegression); library(jsonlite)})

cohort <- read.csv("cohort.csv")
brier <- fromJSON("survival.json")$brier
scored <- Score(
  list(model = 1 - brier$survival), formula = Surv(untied, event) ~ 1, data = cohort,
  times = brier$time, metrics = c("auc", "brier"), summary = c("ibs", "ipa"), null.model = TRUE,
  cens.model = "km", conf.int = FALSE
)
of <- function(name) scored$Brier$score[scored$Brier$score$model == name, ]
golden <- list(
  riskRegression = as.character(packageVersion("riskRegression")),
  time = brier$time,
  auc = scored$AUC$score$AUC,
  brier = of("model")$Brier,
  null_brier = of("Null model")$Brier,
  accuracy = of("model")$IPA
)
write_json(golden, "prediction.json", digits = NA, auto_unbox = TRUE, na = "null", pretty = FALSE)
