# Reference numbers from R's riskRegression, for tests/mmsurv, in place of timeROC and pec.
#
# riskRegression::Score(metrics = c("auc", "brier"), cens.model = "km") computes the same estimators:
# - AUC: the cumulative/dynamic AUC(t) of timeROC::timeROC(weighting = "marginal"). Cases with the
#   event by t weigh 1 / G(t_i-), controls 1 / G(t), G by Kaplan-Meier of the censoring.
# - Brier score: that of pec::pec(cens.model = "marginal"), whose authors made riskRegression as its
#   successor; the index of prediction accuracy is one minus its ratio to that of Kaplan-Meier.
# timeROC and pec were not run.
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
